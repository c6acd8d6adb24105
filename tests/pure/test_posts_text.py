"""What a post's text is made of."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samvad.posts import text
from samvad.posts.text import Kind, pieces


def found(said: str, kind: Kind) -> list[str]:
    return [piece.target for piece in pieces(said) if piece.kind is kind]


@pytest.mark.parametrize(
    ("said", "links"),
    [
        ("see https://example.org/a.", ["https://example.org/a"]),
        ("(https://en.wikipedia.org/wiki/A_(b))", ["https://en.wikipedia.org/wiki/A_(b)"]),
        ("https://example.org/?a=1&b=2#c, and", ["https://example.org/?a=1&b=2#c"]),
        ("HTTPS://EXAMPLE.org", ["HTTPS://EXAMPLE.org"]),
        ("જુઓ https://example.org/પાનું।", ["https://example.org/પાનું"]),
        ("javascript:alert(1)", []),
        ("https://", []),
        ("https://good.example@evil.example/", []),
        ("https://[::1", []),
        ("https://example.org:port/", []),
        ('https://example.org/"onclick="x', ["https://example.org/"]),
        ("https://example.org/<b>", ["https://example.org/"]),
        ("ftp://example.org", []),
        ("https://e.org/" + "x" * 2000, []),
    ],
)
def test_links(said, links):
    assert found(said, Kind.URL) == links
    assert text.first_url(said) == (links[0] if links else "")


@pytest.mark.parametrize(
    ("said", "people"),
    [
        ("@asha hello", ["asha"]),
        ("hello, @Asha_2!", ["asha_2"]),
        ("(@asha) @asha @bela", ["asha", "bela"]),
        ("mail a@asha.org", []),
        ("@asha@elsewhere.example", []),
        ("@asha.", ["asha"]),
        ("@a", []),
        ("@" + "x" * 31, []),
        ("https://example.org/@asha", []),
        ("@આશા", []),
    ],
)
def test_mentions(said, people):
    assert text.mentions(said) == people


@pytest.mark.parametrize(
    ("said", "tags"),
    [
        ("#Samvad is on", ["samvad"]),
        ("#સંવાદ અને #संवाद।", ["સંવાદ", "संवाद"]),
        ("#ક્ષેત્ર, #नदियाँ", ["ક્ષેત્ર", "नदियाँ"]),
        ("#2026 #1st", ["1st"]),
        ("# no", []),
        ("a#b &#39; ##x", []),
        ("＃全角 #ＡＢＣ", ["全角", "abc"]),
        ("https://example.org/#top", []),
        ("#" + "x" * 61, []),
        ("#one #One", ["one"]),
    ],
)
def test_hashtags(said, tags):
    assert text.tags(said) == tags


def test_text_is_cleaned():
    assert text.clean("  a\r\nb\x00\x07\r\n\n\n\nc \u202egnp\u202c ") == "a\nb\n\nc gnp"
    assert text.clean("e\u0301") == "é"
    assert text.clean("ક્\u200dષ") == "ક્\u200dષ"  # the joiner is part of the word
    assert text.clean("\ud800") == ""


def test_long_links_are_shown_short():
    assert text.shown_url("https://www.example.org/") == "example.org"
    assert text.shown_url("https://example.org/" + "x" * 100).endswith("x…")
    assert len(text.shown_url("https://example.org/" + "x" * 100)) == text.SHOWN_URL


def test_the_number_of_mentions_and_tags_is_bounded():
    many = " ".join(f"@user{n} #tag{n}" for n in range(100))
    assert len(text.mentions(many)) == text.MENTIONS_MAX
    assert len(text.tags(many)) == text.TAGS_MAX


@given(st.text(alphabet=st.sampled_from("ab #@/:.()https\n<\"'&?=ક્ષ।\u200d") | st.characters()))
def test_nothing_is_lost_and_nothing_breaks(said):
    said = text.clean(said)
    whole = "".join(p.target if p.kind is Kind.URL else p.shown for p in pieces(said))
    assert whole == said
