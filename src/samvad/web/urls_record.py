"""Addresses of recordings: replay, transcript, clips, feeds."""

from django.urls import URLPattern, path, re_path

from samvad.protocol.hls import EVENT
from samvad.web.pages import clips, feed, replay, transcript

urlpatterns: list[URLPattern] = [
    re_path(rf"^events/(?P<event_id>{EVENT})/replay$", replay.replay, name="event_replay"),
    re_path(rf"^events/(?P<event_id>{EVENT})/replay/do$", replay.change, name="event_replay_do"),
    re_path(
        rf"^events/(?P<event_id>{EVENT})/replay/recorded\.m4a$",
        replay.recorded,
        name="event_recorded",
    ),
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
]
