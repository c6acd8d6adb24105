"""The journal: what was appended is read once and in order, also after a crash."""

from pathlib import Path

from samvad.protocol.journal import COUNTS, ENDED, WENT_LIVE, JournalWriter, read_from


def test_facts_are_read_from_where_one_stopped(tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path, "stage")
    path = tmp_path / "stage.jsonl"
    first = writer.append("evening1", WENT_LIVE, 5, by="Asha")
    [(fact, offset)] = read_from(path, 0)
    assert fact == first
    second = writer.append("evening1", ENDED, 9)
    assert [f for f, _ in read_from(path, offset)] == [second]
    writer.close()


def test_a_torn_line_is_left_alone_and_the_next_writer_goes_on(tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path, "stage")
    first = writer.append("evening1", WENT_LIVE, 5)
    writer.close()
    path = tmp_path / "stage.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"v": 1, "writer": "sta')

    [(_, offset)] = read_from(path, 0)
    assert offset == len(whole)

    again = JournalWriter(tmp_path, "stage")
    fact = again.append("evening1", ENDED, 9)
    again.close()
    assert fact.seq > first.seq
    assert [f.kind for f, _ in read_from(path, offset)] == [ENDED]


def test_a_journal_begun_anew_repeats_no_number(tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path, "stage")
    # The clock may stand still, or go back: numbers grow all the same.
    before = [writer.append("evening1", COUNTS, at_ms).seq for at_ms in (1_000, 1_000, 990)]
    writer.close()
    (tmp_path / "stage.jsonl").unlink()
    again = JournalWriter(tmp_path, "stage")
    after = again.append("evening1", ENDED, 2_000).seq
    again.close()
    assert sorted({*before, after}) == [*before, after]


def test_an_absent_file_has_no_facts(tmp_path: Path) -> None:
    assert list(read_from(tmp_path / "none.jsonl", 0)) == []
