"""Every address of the web process."""

from allauth.account import views as accounts
from django.contrib import admin
from django.urls import path, re_path

from samvad.protocol.hls import EVENT, SLUG
from samvad.web.pages import (
    clips,
    console,
    events,
    feed,
    happened,
    health,
    live,
    passes,
    people,
    replay,
    transcript,
)

urlpatterns = [
    path("", events.index, name="index"),
    path("events/", events.mine, name="events"),
    path("events/new", events.new, name="event_new"),
    re_path(rf"^events/(?P<event_id>{EVENT})$", events.event, name="event"),
    re_path(rf"^events/(?P<event_id>{EVENT})/edit$", events.edit, name="event_edit"),
    re_path(rf"^events/(?P<event_id>{EVENT})/cancel$", events.cancel, name="event_cancel"),
    re_path(rf"^events/(?P<event_id>{EVENT})/end$", events.end, name="event_end"),
    re_path(rf"^events/(?P<event_id>{EVENT})/member$", passes.member, name="event_member"),
    re_path(rf"^events/(?P<event_id>{EVENT})/remind$", passes.remind, name="event_remind"),
    re_path(rf"^events/(?P<event_id>{EVENT})/replay$", replay.replay, name="event_replay"),
    re_path(rf"^events/(?P<event_id>{EVENT})/replay/do$", replay.change, name="event_replay_do"),
    re_path(
        rf"^events/(?P<event_id>{EVENT})/replay/delete$",
        replay.delete,
        name="event_replay_delete",
    ),
    re_path(
        rf"^events/(?P<event_id>{EVENT})/tracks/(?P<name>[a-z0-9]+\.flac)$",
        replay.track,
        name="event_track",
    ),
    re_path(rf"^events/(?P<event_id>{EVENT})/clip$", clips.new, name="clip_new"),
    re_path(r"^clips/(?P<clip_id>[a-z0-9]{11})$", clips.clip, name="clip"),
    re_path(r"^clips/(?P<clip_id>[a-z0-9]{11})/embed$", clips.embed, name="clip_embed"),
    re_path(r"^clips/(?P<clip_id>[a-z0-9]{11})/delete$", clips.delete, name="clip_delete"),
    path("clips/oembed.json", clips.oembed, name="clip_oembed"),
    re_path(rf"^transcript/(?P<event_id>{EVENT})$", transcript.transcript, name="transcript"),
    re_path(rf"^chapters/(?P<event_id>{EVENT})\.json$", feed.chapters, name="replay_chapters"),
    re_path(r"^@(?P<handle>[a-z0-9_]{2,30})/feed\.xml$", feed.feed, name="feed"),
    re_path(rf"^happened/(?P<event_id>{EVENT})$", happened.happened, name="happened"),
    re_path(rf"^e/(?P<slug>{SLUG})$", live.to_gate, name="event_page"),
    re_path(rf"^studio/(?P<event_id>{EVENT})$", live.studio, name="studio"),
    re_path(rf"^console/(?P<event_id>{EVENT})$", console.console, name="console"),
    re_path(
        rf"^console/(?P<event_id>{EVENT})/figures\.json$",
        console.figures,
        name="console_figures",
    ),
    re_path(rf"^console/(?P<event_id>{EVENT})/log\.json$", console.log, name="console_log"),
    re_path(r"^@(?P<handle>[a-z0-9_]{2,30})$", people.profile, name="profile"),
    path("healthz", health.healthz, name="healthz"),
    # Of allauth only what works without a mail server.
    path("accounts/login/", accounts.login, name="account_login"),
    path("accounts/logout/", accounts.logout, name="account_logout"),
    path("accounts/signup/", accounts.signup, name="account_signup"),
    path("accounts/inactive/", accounts.account_inactive, name="account_inactive"),
    path("accounts/password/", accounts.password_change, name="account_change_password"),
    path("admin/", admin.site.urls),
]

handler400 = "samvad.web.pages.errors.bad_request"
handler500 = "samvad.web.pages.errors.server_error"
