"""Scenes are drawn reproducibly, and never from the wrong split."""

import hashlib
import os
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clipbook.scenes import HELD_OUT, Object, Scene, describes, sample, sample_pairs, twin
from clipbook.scenes import sampling as module
from clipbook.scenes.captions import state_all
from clipbook.scenes.world import RADIUS
from tests.scenes.reader import true_of

SEEDS = st.integers(0, 2**32 - 1)


def combinations(scene: Scene) -> list[tuple[str, str]]:
    return [(thing.colour, thing.shape) for thing in scene.objects]


def is_held_out(scene: Scene) -> bool:
    return not HELD_OUT.isdisjoint(combinations(scene))


@given(SEEDS, st.sampled_from([None, 1, 2]))
@settings(max_examples=30)
def test_training_never_holds_a_held_out_combination(seed, objects):
    scenes = sample(60, np.random.default_rng(seed), "train", objects)
    assert not any(map(is_held_out, scenes))


@given(SEEDS, st.sampled_from([None, 1, 2]))
@settings(max_examples=30)
def test_held_out_scenes_always_hold_one(seed, objects):
    scenes = sample(60, np.random.default_rng(seed), "held_out", objects)
    assert all(map(is_held_out, scenes))


@given(SEEDS, st.sampled_from(["train", "held_out"]))
@settings(max_examples=25)
def test_twins_stay_in_their_split_and_can_be_told_apart(seed, split):
    generator = np.random.default_rng(seed)
    for scene in sample(30, generator, split):
        other = twin(scene, generator)
        if other is None:
            continue
        assert is_held_out(other) == (split == "held_out")
        assert len(other.objects) == len(scene.objects)
        assert other.ground == scene.ground
        assert not describes([state_all(scene)], [other])[0, 0]


def test_most_scenes_have_a_twin():
    generator = np.random.default_rng(0)
    twins = [twin(scene, generator) for scene in sample(300, generator)]
    assert sum(one is not None for one in twins) > 150


@given(SEEDS, st.sampled_from(["train", "held_out"]), st.booleans())
@settings(max_examples=15)
def test_batches_stay_in_their_split(seed, split, distinct):
    generator = np.random.default_rng(seed)
    scenes, captions = sample_pairs(32, generator, split, twins=0.75, distinct=distinct)
    assert {is_held_out(scene) for scene in scenes} == {split == "held_out"}
    assert len(scenes) == len(captions) == 32


@given(SEEDS, st.floats(0, 1))
@settings(max_examples=12)
def test_a_distinct_batch_has_no_caption_that_is_true_of_another_scene(seed, twins):
    scenes, captions = sample_pairs(64, np.random.default_rng(seed), twins=twins)
    truth = np.array([[true_of(caption, scene) for caption in captions] for scene in scenes])
    assert (truth == np.eye(64, dtype=bool)).all()


def test_false_negatives_can_be_allowed():
    scenes, captions = sample_pairs(128, np.random.default_rng(0), distinct=False)
    truth = np.array([[true_of(caption, scene) for caption in captions] for scene in scenes])
    assert truth.diagonal().all()
    assert truth.sum() > 128


def test_twins_follow_one_another_in_a_batch():
    scenes, _ = sample_pairs(128, np.random.default_rng(0), twins=1.0, distinct=False)
    close = [a.ground == b.ground for a, b in pairwise(scenes)]
    assert np.mean(close) > 0.7  # a third by chance, were there no twins


def test_the_same_generator_state_gives_the_same_batch():
    first = sample_pairs(50, np.random.default_rng(7), twins=0.5)
    assert first == sample_pairs(50, np.random.default_rng(7), twins=0.5)
    assert first != sample_pairs(50, np.random.default_rng(8), twins=0.5)
    assert sample(50, np.random.default_rng(7)) == sample(50, np.random.default_rng(7))


@pytest.mark.slow
def test_a_batch_does_not_depend_on_the_process():
    code = (
        "import numpy as np; from clipbook.scenes import sample_pairs, render, captions;"
        "scenes, said = sample_pairs(64, np.random.default_rng(3), twins=0.5);"
        "drawn = [render(scene).tobytes() for scene in scenes];"
        "print(repr((scenes, said, [captions(s) for s in scenes], drawn)))"
    )
    running = [
        subprocess.Popen(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONHASHSEED": seed},
            stdout=subprocess.PIPE,
        )
        for seed in ("1", "2")
    ]
    digests = [hashlib.sha256(process.communicate()[0]).hexdigest() for process in running]
    assert [process.returncode for process in running] == [0, 0]
    assert digests[0] == digests[1]


def test_sampling_leaves_the_global_generator_alone():
    before = np.random.get_state()[1].copy()
    sample_pairs(20, np.random.default_rng(0), twins=0.5)
    assert (np.random.get_state()[1] == before).all()


def test_every_allowed_combination_comes_up():
    scenes = sample(3_000, np.random.default_rng(0), objects=1)
    assert len({combinations(scene)[0] for scene in scenes}) == 64 - len(HELD_OUT)
    scenes = sample(500, np.random.default_rng(0), "held_out", objects=1)
    assert {combinations(scene)[0] for scene in scenes} == HELD_OUT


def test_both_numbers_of_objects_come_up_unless_one_is_asked_for():
    counts = [len(scene.objects) for scene in sample(200, np.random.default_rng(0))]
    assert 40 < counts.count(1) < 160
    for objects in (1, 2):
        scenes = sample(30, np.random.default_rng(0), objects=objects)
        assert {len(scene.objects) for scene in scenes} == {objects}


def test_objects_of_a_pair_differ_in_colour_or_shape_and_have_a_relation():
    for split in ("train", "held_out"):
        for scene in sample(200, np.random.default_rng(0), split, objects=2):
            assert len(set(combinations(scene))) == 2
            assert scene.relation is not None


def test_the_order_of_two_objects_does_not_tell_which_is_held_out():
    scenes = sample(400, np.random.default_rng(0), "held_out", objects=2)
    first = np.mean([combinations(scene)[0] in HELD_OUT for scene in scenes])
    second = np.mean([combinations(scene)[1] in HELD_OUT for scene in scenes])
    assert abs(first - second) < 0.12


@pytest.mark.parametrize("n", [0, 1])
def test_no_scene_and_one_scene_are_batches_too(n):
    assert len(sample(n, np.random.default_rng(0))) == n
    assert [len(part) for part in sample_pairs(n, np.random.default_rng(0))] == [n, n]


def test_unknown_choices_are_refused():
    with pytest.raises(ValueError, match="split='test'.*'train' or 'held_out'"):
        sample(1, np.random.default_rng(0), "test")
    with pytest.raises(ValueError, match="objects=3.*1 or 2"):
        sample(1, np.random.default_rng(0), objects=3)


def test_a_batch_of_an_unknown_split_is_refused():
    with pytest.raises(ValueError, match="split='test'.*'train' or 'held_out'"):
        sample_pairs(1, np.random.default_rng(0), "test")


def test_more_scenes_than_captions_can_tell_apart_are_refused(monkeypatch):
    monkeypatch.setattr(module, "TRIES", 4)
    with pytest.raises(ValueError, match="600 scenes can't be told apart.*distinct=False"):
        sample_pairs(600, np.random.default_rng(0))


@pytest.mark.parametrize("size", ["small", "large"])
def test_a_scene_at_the_edge_has_a_twin(size):
    low, high = module._mirrored(RADIUS[size]), RADIUS[size]
    for x in (low, high, 0.77, 0.23):
        scene = Scene((Object("star", "yellow", size, x, x),))
        for seed in range(20):
            twin(scene, np.random.default_rng(seed))
