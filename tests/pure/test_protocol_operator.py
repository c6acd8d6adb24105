"""An operator's key names its holder, for one event and a day."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samvad.protocol.operator import LASTS_MIN, NAME_BYTES, holder, key_for
from samvad.protocol.secret import token_for

SECRET, EVENT, NOW = b"s" * 32, "event00001", 1_790_000_000_000


@given(st.text(max_size=120))
def test_the_holder_is_known_by_name(name: str) -> None:
    key = key_for(SECRET, EVENT, name.encode(errors="ignore").decode(), NOW)
    said = holder(SECRET, EVENT, key, NOW)
    assert said is not None
    assert name.encode(errors="ignore").decode().startswith(said)
    assert len(key) <= 512  # what the stage looks at


def test_long_names_are_cut_between_letters() -> None:
    said = holder(SECRET, EVENT, key_for(SECRET, EVENT, "હેત્વી " * 40, NOW), NOW)
    assert said is not None
    assert said
    assert "હેત્વી હેત્વી" in said
    assert len(said.encode()) <= NAME_BYTES


def test_it_opens_one_event_for_a_day() -> None:
    key = key_for(SECRET, EVENT, "Sami", NOW)
    assert holder(SECRET, "event00002", key, NOW) is None
    assert holder(b"t" * 32, EVENT, key, NOW) is None
    end_ms = NOW // 60_000 * 60_000 + LASTS_MIN * 60_000
    assert holder(SECRET, EVENT, key, end_ms - 1) == "Sami"
    assert holder(SECRET, EVENT, key, end_ms) is None


@pytest.mark.parametrize("wrong", ["", "x", "A" * 22, "A" * 400, "ગલત" * 8, "=" * 30])
def test_what_is_no_key(wrong: str) -> None:
    assert holder(SECRET, EVENT, wrong, NOW) is None
    assert holder(SECRET, EVENT, token_for(SECRET, "operator"), NOW) is None


@given(st.data())
def test_no_letter_of_it_can_be_changed(data: st.DataObject) -> None:
    key = key_for(SECRET, EVENT, "Samir", NOW)  # 21 bytes: its last letter has no spare bits
    place = data.draw(st.integers(0, len(key) - 1))
    letter = data.draw(st.characters(codec="ascii").filter(lambda c: c != key[place]))
    assert holder(SECRET, EVENT, key[:place] + letter + key[place + 1 :], NOW) is None
