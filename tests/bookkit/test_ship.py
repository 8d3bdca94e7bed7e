"""Histories of two runs, of which the second began with the first, are told as one."""

from bookkit.ship import one_after_the_other
from clipbook.training import History


def history(losses: list[float], at: list[int]) -> dict:
    shares = [{"first": float(step)} for step in at]
    grids = [[[float(step)]] for step in at]
    return History(losses, losses, losses, at, grids, at, shares).to_dict()


def test_the_second_run_goes_on_where_the_first_has_ended():
    joined = one_after_the_other(history([3.0, 2.0, 1.0], [0, 3]), history([0.5, 0.4], [0, 1, 2]))
    assert joined["loss"] == [3.0, 2.0, 1.0, 0.5, 0.4]
    assert joined["snapshot_steps"] == joined["evaluation_steps"] == [0, 3, 4, 5]
    assert joined["snapshots"] == [[[0.0]], [[3.0]], [[1.0]], [[2.0]]]
    History.from_dict(joined)
