"""Who is held for news hears it at once, or after a while that there is none; in slices."""

from samvad.gate.news import AT_ONCE, NEAR_S, Look, News, look

HOLD_S = 10.5


def test_a_look_names_what_it_has_seen() -> None:
    assert look(b"after=00ff") == Look("00ff")
    assert look(b"after=00ff&near") == Look("00ff", near=True)
    for other in (
        b"",
        b"after=",
        b"after=XY",
        b"after=1&x=2",
        b"near",
        b"after=" + b"1" * 17,
        b"lang=gu",
    ):
        assert look(other) is None


def test_it_is_held_for_nearly_as_long_as_one_would_have_waited() -> None:
    assert Look("1").hold_s(24.0) == 21.0
    assert Look("1", near=True).hold_s(24.0) == NEAR_S
    assert Look("1", near=True).hold_s(1.0) == 1.0


def test_held_until_there_is_news() -> None:
    news: News[str] = News()
    news.add("a", 100.0, 0.5, HOLD_S)
    news.add("b", 101.0, 0.5, HOLD_S)
    assert news.take(102.0) == []
    news.changed()
    news.add("c", 102.0, 0.5, HOLD_S)  # has seen it already
    assert news.take(102.0) == ["a", "b"]
    assert len(news) == 1
    assert news.take(102.0) == []


def test_held_for_so_long_at_most() -> None:
    news: News[str] = News()
    news.add("a", 100.0, 0.5, HOLD_S)
    news.add("b", 105.0, 0.5, HOLD_S)
    assert news.take(100.0 + HOLD_S) == []
    assert news.take(101.0 + HOLD_S) == ["a"]
    assert news.take(106.0 + HOLD_S) == ["b"]


def test_a_crowd_that_was_answered_together_spreads() -> None:
    news: News[int] = News()
    for n in range(100):
        news.add(n, 100.0, n / 100, HOLD_S)
    seconds = [len(news.take(100.0 + s)) for s in range(30)]
    assert sum(seconds) == 100
    assert max(seconds) <= 20
    assert news.take(100.0 + HOLD_S * 2) == []


def test_a_crowd_is_answered_in_slices_and_nobody_is_forgotten() -> None:
    news: News[int] = News()
    for n in range(2 * AT_ONCE + 5):
        news.add(n, 100.0, 0.5, HOLD_S)
    news.changed()
    news.drop(0)
    slices = [news.take(100.1) for _ in range(4)]
    assert [len(s) for s in slices] == [AT_ONCE, AT_ONCE, 4, 0]
    assert sorted(n for s in slices for n in s) == list(range(1, 2 * AT_ONCE + 5))
    # The same for those whose time is over.
    for n in range(AT_ONCE + 1):
        news.add(n, 200.0, 0.5, HOLD_S)
    assert [len(news.take(300.0)) for _ in range(3)] == [AT_ONCE, 1, 0]


def test_who_goes_is_not_answered() -> None:
    news: News[str] = News()
    news.add("a", 100.0, 0.5, HOLD_S)
    news.changed()
    news.add("b", 100.0, 0.5, HOLD_S)
    news.drop("a")
    news.drop("b")
    news.drop("nobody")
    assert news.take(200.0) == []
