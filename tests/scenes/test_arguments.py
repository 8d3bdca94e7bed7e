"""Whoever draws at random refuses what is no NumPy generator, and says what is one."""

import random
import re

import numpy as np
import pytest
import torch

from clipbook.scenes import EXAMPLE, sample, sample_pairs, say, state, twin
from clipbook.scenes.captions import say_more, state_all
from clipbook.streams import stream
from tests.plain import plain_python

SCENE = EXAMPLE[0][0]
DRAW = {
    "sample": lambda generator: sample(3, generator),
    "sample of none": lambda generator: sample(0, generator),
    "sample_pairs": lambda generator: sample_pairs(3, generator),
    "sample_pairs of none": lambda generator: sample_pairs(0, generator),
    "twin": lambda generator: twin(SCENE, generator),
    "state": lambda generator: state(SCENE, generator),
    "say": lambda generator: say(state_all(SCENE), generator),
    "say_more": lambda generator: say_more(state_all(SCENE), SCENE, generator),
}
NO_GENERATORS = {
    "torch._C.Generator": torch.Generator(),
    "builtins.int": 0,
    "builtins.str": "0",
    "numpy.random.mtrand.RandomState": np.random.RandomState(0),
    "numpy.random._pcg64.PCG64": np.random.PCG64(0),
    "random.Random": random.Random(0),
    "builtins.module": np.random,
    "builtins.type": np.random.Generator,
    "builtins.list": [np.random.default_rng(0)],
    "builtins.NoneType": None,
}


REFUSED = [(name, kind) for name in DRAW for kind in NO_GENERATORS]
REFUSED.remove(("say", "builtins.NoneType"))  # which speaks plainly then


@pytest.mark.parametrize(("name", "kind"), REFUSED)
def test_another_generator_is_refused_with_its_kind_and_the_remedy(name, kind):
    with plain_python(), pytest.raises(TypeError, match=re.escape(kind)) as caught:
        DRAW[name](NO_GENERATORS[kind])
    remedy = str(caught.value).partition("try clipbook.streams.")[2].partition(" or ")[0]
    DRAW[name](eval(remedy, {"stream": stream}))


@pytest.mark.parametrize("draw", [sample, sample_pairs])
@pytest.mark.parametrize("n", [-1, 2.5, 3.0, "3", None, [3], float("nan"), True])
def test_a_number_of_scenes_that_is_none_is_refused(draw, n):
    with plain_python(), pytest.raises(ValueError, match=r"^n=.* is not a whole number from 0 on"):
        draw(n, np.random.default_rng(0))


def test_a_number_of_scenes_of_numpys_is_one():
    with plain_python():
        assert len(sample(np.int64(3), np.random.default_rng(0))) == 3


@pytest.mark.parametrize("twins", [2, -0.1, float("nan"), float("inf"), "0.5", None, [0.5]])
def test_a_share_of_twins_outside_0_to_1_is_refused(twins):
    with (
        plain_python(),
        pytest.raises(ValueError, match=r"^twins=.* is not a finite number from 0 to 1"),
    ):
        sample_pairs(1, np.random.default_rng(0), twins=twins)


@pytest.mark.parametrize("draw", [sample, sample_pairs])
def test_an_unknown_split_is_refused_where_no_scene_is_wanted_too(draw):
    with pytest.raises(ValueError, match="split='test' is unknown"):
        draw(0, np.random.default_rng(0), "test")
