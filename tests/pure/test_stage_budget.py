"""How often one may try at the stage, and that nobody is locked out by somebody else."""

from samvad.stage.budget import KEPT, Budget


def test_so_many_at_once_then_as_fast_as_they_come_back() -> None:
    budget = Budget(most=3, per_s=0.5)
    assert [budget.spend("a", 0.0) for _ in range(4)] == [True, True, True, False]
    assert not budget.spend("a", 1.0)
    assert budget.spend("a", 2.5)
    assert budget.spend("b", 0.0)
    assert [budget.spend("a", 1_000.0) for _ in range(4)] == [True, True, True, False]


def test_what_is_kept_is_bounded() -> None:
    budget = Budget(most=1, per_s=0.0)
    for number in range(KEPT + 10):
        assert budget.spend(str(number), 0.0)
    assert budget.spend("0", 0.0)
    assert not budget.spend(str(KEPT + 9), 0.0)
