"""A record of an incident in the reader's language: what it was, how sure that is, and why."""

from collections.abc import Mapping

from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from samvad.protocol.incident import Cause, Confidence, Verdict
from samvad.web import words

CAUSES = {
    Cause.DEMAND: gettext_noop("Demand alone explains it: people came, and no attack is seen."),
    Cause.BOTH: gettext_noop("There was an attack, and many people came at the same time."),
    Cause.ATTACK: gettext_noop("It was an attack. Beside it the demand was small."),
    Cause.UNKNOWN: gettext_noop("Too little was seen to say what it was."),
}
CONFIDENCES = {
    Confidence.LOW: gettext_noop("This is a guess."),
    Confidence.MEDIUM: gettext_noop("This is likely, not certain."),
    Confidence.HIGH: gettext_noop("This is quite certain."),
}
KINDS = {
    "malformed": gettext_noop("requests that are no proper requests"),
    "tickets": gettext_noop("forged tickets"),
    "sharing": gettext_noop("one ticket used by many"),
    "probing": gettext_noop("requests for what does not exist"),
    "slow": gettext_noop("connections that only hold on"),
    "readers": gettext_noop("answers that were asked for and not taken"),
    "mute": gettext_noop("connections that ask for nothing"),
    "pages": gettext_noop("page loads that lead nowhere"),
    "door": gettext_noop("knocks at the door by nobody who comes in"),
    "pace": gettext_noop("far more requests than any listener makes"),
    "banned": gettext_noop("banned senders who came again"),
}


def verdict(of: Verdict) -> str:
    """What it was and how sure that is."""
    if of.cause is Cause.UNKNOWN:
        return _(CAUSES[of.cause])
    return f"{_(CAUSES[of.cause])} {_(CONFIDENCES[of.confidence])}"


def evidence(of: Verdict) -> list[str]:
    """Why: a sentence each."""
    return [text for code, numbers in of.evidence if (text := _sentence(code, numbers))]


def _sentence(code: str, numbers: Mapping[str, float | str]) -> str:
    lang = translation.get_language() or "en"

    def number(name: str) -> str:
        return words.number(round(float(numbers.get(name, 0))), lang)

    def percent(name: str) -> str:
        return words.number(round(float(numbers.get(name, 0)) * 100), lang)

    match code:
        case "newcomers":
            return _("%(n)s newcomers were counted, at most %(most)s in one minute.") % {
                "n": number("newcomers"), "most": number("most")
            }  # fmt: skip
        case "far":
            text = _(
                "Of all connections %(share)s%% came as far as the door; %(n)s seats were given."
            )
            return text % {"share": percent("share"), "n": number("seats")}
        case "kind":
            kind = KINDS.get(str(numbers.get("kind")), "")
            return _("%(n)s times: %(kind)s; at most %(rate)s a second.") % {
                "n": number("acts"), "kind": _(kind) if kind else numbers.get("kind"),
                "rate": number("per_s"),
            }  # fmt: skip
        case "sources":
            return _("The harm came from %(n)s addresses; the worst networks are named below.") % {
                "n": number("sources")
            }
        case "felt":
            text = _(
                "Listeners got %(share)s%% of what they asked for; "
                "the slowest in a hundred waited %(ms)s ms."
            )
            return text % {"share": percent("success"), "ms": number("p99_ms")}
        case "stalls" if not numbers.get("listeners"):
            return _("No listener's page told of a stop in the sound.")
        case "stalls":
            text = _(
                "In the worst minute the sound stopped for %(n)s listeners, %(share)s%% of all, "
                "as their pages told."
            )
            return text % {"share": percent("share"), "n": number("listeners")}
        case _:
            return ""
