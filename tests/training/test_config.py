"""What a run is asked to do, checked before it begins."""

from itertools import pairwise

import pytest

from clipbook.training import TrainingConfig


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"optimiser": "sgd"}, "optimiser='sgd'; try adamw or muon"),
        ({"precision": "int8"}, "precision='int8'; try float32 or half"),
        ({"steps": 0}, "steps=0 is not a whole number from 1 to 1,000,000,000; try 1000"),
        ({"warmup_steps": -5}, "warmup_steps=-5 is not a whole number from 0 to .*; try 50"),
        ({"learning_rate": 0.0}, r"learning_rate=0\.0 is not a finite number above 0; try 0.001"),
        ({"weight_decay": -1.0}, "weight_decay=-1.0 is not a finite number from 0 on; try 0.01"),
        ({"checkpoint_every": 0}, "checkpoint_every=0 is not .* 1 to 1,000,000,000; try 200"),
        ({"warmup_steps": 10**12}, "warmup_steps=1000.* is not .* 0 to 1,000,000,000; try 50"),
        ({"snapshots": -1}, "snapshots=-1 is not a whole number from 0 to .*; try 24"),
        ({"matrix_rate": 0.0}, r"matrix_rate=0\.0 is not a finite number above 0; try 10"),
        ({"position_rate": 0.0}, r"position_rate=0\.0 is not a finite number above 0; try 10"),
        ({"clip_norm": 0.0}, r"clip_norm=0\.0 is not a finite number above 0; try 1"),
    ],
)
def test_what_cannot_work_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        TrainingConfig(**change)


def test_snapshots_begin_untrained_and_end_trained():
    steps = sorted(TrainingConfig(steps=1_000, snapshots=24).snapshot_steps)
    assert steps[0] == 0
    assert steps[-1] == 1_000
    assert len(steps) == 24


def test_snapshots_are_closer_together_early_on():
    steps = sorted(TrainingConfig(steps=1_000, snapshots=10).snapshot_steps)
    gaps = [after - before for before, after in pairwise(steps)]
    assert gaps == sorted(gaps)
    assert gaps[0] < gaps[-1] / 5


def test_snapshots_can_be_left_out():
    assert TrainingConfig(snapshots=0).snapshot_steps == frozenset()
    assert TrainingConfig(steps=3, snapshots=24).snapshot_steps <= {0, 1, 2, 3}


def test_one_snapshot_is_refused():
    with pytest.raises(ValueError, match="snapshots=1.*try 2, or 0"):
        TrainingConfig(snapshots=1)


def test_as_much_warm_up_as_anybody_likes():
    assert TrainingConfig(steps=2, warmup_steps=50).warmup_steps == 50
    assert TrainingConfig(warmup_steps=0).warmup_steps == 0
