"""Why the stage does not do something: values, each with a code for programs and a sentence
for people."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Refused:
    """Why something was not done: a code for programs, a sentence for people."""

    code: str
    says: str


NOT_HOST = Refused("not_host", "Only the host can do that.")
ENDED = Refused("ended", "This conversation has ended.")
REMOVED = Refused("removed", "The host has removed you from this conversation.")
FULL = Refused("full", "All places for speakers are taken.")
NOT_SPEAKER = Refused("not_speaker", "This token is not a speaker's.")
NO_SPEAKER = Refused("no_speaker", "There is no such speaker.")
CANCELLED = Refused("cancelled", "This conversation has been cancelled.")
ALREADY = Refused("already", "This conversation is or was on air already.")
NOT_VOICE = Refused("not_voice", "This conversation does not begin with this voice.")
NOT_LIVE = Refused("not_live", "This conversation is not on air.")
NOT_RUNG = Refused("bad_rung", "The plan's ladder has no such rung.")
