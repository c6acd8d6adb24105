"""Every address of the web process."""

from django.contrib import admin
from django.urls import path, re_path

from samvad.protocol.hls import EVENT, SLUG
from samvad.web import post_urls, urls_people, urls_record
from samvad.web.api import api, nothing_here
from samvad.web.pages import (
    console,
    events,
    happened,
    health,
    live,
    notices,
    passes,
    people,
    previews,
    reminders,
    wishes,
)

urlpatterns = [
    *urls_people.urlpatterns,
    *urls_record.urlpatterns,
    path("", events.index, name="index"),
    path("events/", events.mine, name="events"),
    path("events/new", events.new, name="event_new"),
    re_path(rf"^events/(?P<event_id>{EVENT})$", events.event, name="event"),
    re_path(rf"^events/(?P<event_id>{EVENT})/edit$", events.edit, name="event_edit"),
    re_path(rf"^events/(?P<event_id>{EVENT})/cancel$", events.cancel, name="event_cancel"),
    re_path(rf"^events/(?P<event_id>{EVENT})/end$", events.end, name="event_end"),
    re_path(rf"^events/(?P<event_id>{EVENT})/member$", passes.member, name="event_member"),
    re_path(rf"^events/(?P<event_id>{EVENT})/remind$", passes.remind, name="event_remind"),
    re_path(rf"^events/(?P<event_id>{EVENT})/reminder$", reminders.reminder, name="event_reminder"),
    re_path(
        rf"^events/(?P<event_id>{EVENT})/calendar\.ics$",
        reminders.event_calendar,
        name="event_calendar",
    ),
    re_path(
        r"^@(?P<handle>[a-z0-9_]{2,30})/calendar\.ics$",
        reminders.host_calendar,
        name="host_calendar",
    ),
    re_path(r"^previews/(?P<name>[a-z0-9-]+\.(?:png|json))$", previews.preview, name="preview"),
    path("oembed", previews.oembed, name="oembed"),
    re_path(rf"^happened/(?P<event_id>{EVENT})$", happened.happened, name="happened"),
    re_path(rf"^e/(?P<slug>{SLUG})$", live.to_gate, name="event_page"),
    re_path(rf"^studio/(?P<event_id>{EVENT})$", live.studio, name="studio"),
    re_path(
        rf"^happened/(?P<event_id>{EVENT})/(?P<incident_id>[0-9a-f]{{10}})\.json$",
        happened.incident_json,
        name="incident_json",
    ),
    re_path(
        rf"^console/(?P<event_id>{EVENT})/incident\.json$",
        console.incident,
        name="console_incident",
    ),
    re_path(rf"^console/(?P<event_id>{EVENT})$", console.console, name="console"),
    re_path(
        rf"^console/(?P<event_id>{EVENT})/figures\.json$",
        console.figures,
        name="console_figures",
    ),
    re_path(rf"^console/(?P<event_id>{EVENT})/log\.json$", console.log, name="console_log"),
    re_path(r"^@(?P<handle>[a-z0-9_]{2,30})$", people.profile, name="profile"),
    path("notices/", notices.notices, name="notices"),
    path("notices/read", notices.read, name="notices_read"),
    path("notices/wishes", wishes.wishes, name="notice_wishes"),
    path("notices/push", wishes.subscribe, name="push_subscribe"),
    path("notices/push/<int:subscription_id>/off", wishes.forget_browser, name="push_forget"),
    path("notices/off/<str:token>", wishes.off, name="letters_off"),
    path("push-worker.js", wishes.push_worker, name="push_worker"),
    path("notices/<int:notice_id>", notices.one, name="notice"),
    path("api/v1/", api.urls),
    re_path(r"^api/v1/.*$", nothing_here),
    *post_urls.urlpatterns,
    path("healthz", health.healthz, name="healthz"),
    path("admin/", admin.site.urls),
]

handler400 = "samvad.web.pages.errors.bad_request"
handler500 = "samvad.web.pages.errors.server_error"
