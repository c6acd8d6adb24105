"""The table of bans that all gate processes of a machine share."""

from pathlib import Path

from samvad.gate.bans import Bans


def test_bans_are_shared_longer_each_time_and_end(tmp_path: Path) -> None:
    one, other = Bans(tmp_path / "bans"), Bans(tmp_path / "bans")
    try:
        ban = one.ban("203.0.113.6", 100.0, 60.0)
        assert ban is not None
        assert (ban.strikes, ban.until) == (1, 160.0)
        assert one.ban("203.0.113.6", 101.0, 60.0) is None
        assert other.look(102.0) == ["203.0.113.6"]
        assert other.look(103.0) == []
        other.look(161.0)
        assert other.now == {}
        again = other.ban("203.0.113.6", 170.0, 60.0)
        assert again is not None
        assert (again.strikes, again.until) == (2, 170.0 + 300.0)
        assert one.look(171.0) == ["203.0.113.6"]
        assert one.lift("203.0.113.6", 172.0)
        other.look(172.0)
        assert other.now == {}
        for number in range(20_000):
            other.ban(f"10.0.{number // 256}.{number % 256}", 200.0, 60.0)
            if number % 1_000 == 0:
                one.look(200.5)
                other.ban("10.0.0.0", 200.5, 60.0)  # it may have made room, and lie elsewhere
        one.look(201.0)
        other.look(201.0)  # all at once
        assert 6_000 < len(other.now) <= 8_192
        assert one.now == other.now
    finally:
        one.close()
        other.close()
