"""Budgets of sources, and whom they are to be blamed for: by behaviour, not by volume."""

import pytest

from samvad.gate.behaviour import Kind, judge
from samvad.gate.sources import BOOKS, BURST_S, Books, Entry, Tally


def fill(books: Books, source: str, count: int, now: float = 0.0) -> list[Entry]:
    return [books.enter(books.of(source, now), now) for _ in range(count)]


def turn(books: Books) -> None:
    for _ in books.turn():
        pass


def test_a_source_holds_so_many_and_its_listeners_weigh_an_eighth() -> None:
    books = Books(most=100, per_s=1_000)
    assert set(fill(books, "a", 100)) == {Entry.IN}
    assert fill(books, "a", 1) == [Entry.TOO_MANY]
    book = books.of("a", 0.0)
    book.proven = 100
    assert fill(books, "a", 87).count(Entry.IN) == 87
    assert fill(books, "b", 1) == [Entry.IN]


def test_a_source_opens_so_many_a_second() -> None:
    books = Books(most=1_000_000, per_s=10)
    entered = fill(books, "a", 150)
    assert entered.count(Entry.IN) == int(10 * BURST_S)
    assert entered[-1] is Entry.TOO_FAST
    assert fill(books, "a", 20, now=1.0).count(Entry.IN) == 10


def test_under_attack_budgets_are_an_eighth() -> None:
    books = Books(most=1_000_000, per_s=80)
    books.tight = True
    assert fill(books, "a", 1_000).count(Entry.IN) == int(10 * BURST_S)


def test_a_blocked_source_has_room_for_an_honest_neighbour() -> None:
    books = Books(most=640, per_s=1_000)
    book = books.of("a", 0.0)
    book.blocked = True
    assert fill(books, "a", 100).count(Entry.IN) == 10


def test_books_are_bounded_and_closed_when_nothing_is_left_of_them() -> None:
    books = Books(most=10, per_s=1_000)
    for number in range(BOOKS + 10):
        books.enter(books.of(str(number), 0.0), 0.0)
    assert len(books) == BOOKS
    others = books.of("one more", 0.0)
    assert others not in books.to_judge()
    for number in range(BOOKS):
        books.gone(books.of(str(number), 0.0))
    turn(books)
    assert len(books) == 0


def test_a_caught_source_is_remembered_for_some_windows() -> None:
    books = Books(most=10, per_s=1_000)
    book = books.of("a", 0.0)
    books.busy.add(book)
    book.caught, book.blocked, book.kind = 2, True, "door"
    for _ in range(2):
        turn(books)
        assert book.blocked
    turn(books)
    assert not book.blocked
    assert len(books) == 0


def test_only_what_was_written_since_or_is_blamed_is_judged_again() -> None:
    books = Books(most=10, per_s=1_000)
    quiet, blamed = books.of("a", 0.0), books.of("b", 0.0)
    for book in (quiet, blamed):
        books.enter(book, 0.0)
    assert set(books.to_judge()) == {quiet, blamed}
    blamed.kind, blamed.caught = "door", 1
    assert books.to_judge() == [blamed]
    quiet.blame(404)
    assert set(books.to_judge()) == {quiet, blamed}
    turn(books)
    assert quiet.tally == Tally()  # though it was not busy any more


HERDS = {
    "a school at T-0": Tally(accepts=5_000, requests=30_000, deep=4_000, shallow=300, mute=400),
    "its first second": Tally(accepts=3_000, requests=3_000),
    "a network cut": Tally(accepts=20_000, requests=40_000, deep=18_000, mute=1_500),
    "a herd that is refused for want of room": Tally(accepts=400, turned=150, requests=250),
    "old links": Tally(accepts=50, requests=190, missing=150),
    "a broken program": Tally(accepts=100, requests=500, bad=12, deep=60),
    "tickets of yesterday": Tally(accepts=60, requests=90, forged=30, deep=20),
    "a school that is put out above the floor": Tally(accepts=50, requests=3_000, gone=1_000),
    "one picture that is missing": Tally(accepts=9_000, requests=30_000, missing=5_000),
    "page readers": Tally(accepts=140, requests=900, shallow=130),
    "an idle browser's spare sockets": Tally(accepts=60, requests=20, mute=40, deep=20),
}


@pytest.mark.parametrize("name", HERDS)
def test_honest_herds_are_not_blamed(name: str) -> None:
    assert judge(HERDS[name], proven=0) is None
    assert judge(HERDS[name], proven=0, tight=True) is None


ATTACKS = {
    Kind.MALFORMED: Tally(accepts=50, requests=10, bad=50),
    Kind.TICKETS: Tally(accepts=2, requests=5_000, forged=5_000),
    Kind.PROBING: Tally(accepts=20, requests=2_000, missing=700),
    Kind.SLOW: Tally(accepts=200, slow=100),
    Kind.MUTE: Tally(accepts=500, mute=450),
    Kind.DOOR: Tally(accepts=400, requests=400, bare=390),
    Kind.PAGES: Tally(accepts=800, requests=800, shallow=780),
    Kind.PACE: Tally(accepts=9_000, turned=8_000),
}


@pytest.mark.parametrize("kind", ATTACKS)
def test_each_attack_is_blamed_for_what_it_does(kind: Kind) -> None:
    blame = judge(ATTACKS[kind], proven=0)
    assert blame is not None
    assert blame.kind is kind


def test_where_people_listen_the_others_get_the_benefit_of_the_doubt() -> None:
    assert judge(ATTACKS[Kind.PAGES], proven=1) is None
    assert judge(ATTACKS[Kind.MALFORMED], proven=1) is not None


def test_thresholds_are_the_machines() -> None:
    tally = Tally(accepts=20, requests=20, forged=20)
    assert judge(tally, 0, processes=1) is None
    assert judge(tally, 0, processes=4) is not None


def test_half_is_enough_while_an_attack_is_seen_but_not_of_what_people_do_too() -> None:
    malformed, shallow = Tally(accepts=12, bad=12), Tally(accepts=90, requests=90, shallow=90)
    assert judge(malformed, 0) is None
    assert judge(malformed, 0, tight=True) is not None
    assert judge(shallow, 0, tight=True) is None
