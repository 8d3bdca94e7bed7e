"""Streams of different purposes, seeds or indices share nothing; equal ones are the same."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipbook.streams import stream, torch_stream

TRIPLES = st.tuples(st.text(min_size=1), st.integers(0, 2**70), st.integers(0, 2**70))


def first(generator: np.random.Generator) -> tuple[int, ...]:
    return tuple(generator.integers(0, 2**63, 4).tolist())


@given(TRIPLES, TRIPLES)
def test_two_streams_agree_only_where_all_three_names_do(one, other):
    assert (first(stream(*one)) == first(stream(*other))) == (one == other)
    seeds = [torch_stream(*names).initial_seed() for names in (one, other)]
    assert (seeds[0] == seeds[1]) == (one == other)


def test_zeros_at_the_end_make_another_stream():
    # NumPy's own seeds pad with zeros, which is what `stream` is there to prevent
    assert first(np.random.default_rng(0)) == first(np.random.default_rng((0, 0)))
    assert first(stream("training")) not in (first(np.random.default_rng(0)), first(stream("t")))


@pytest.mark.parametrize("names", [("", 0, 0), ("a", -1, 0), ("a", 0, -1)])
def test_a_name_that_makes_no_sense_is_refused(names):
    with pytest.raises(ValueError, match="name what is drawn for|count from 0"):
        stream(*names)


def test_a_seed_that_is_no_integer_is_refused():
    with pytest.raises(TypeError):
        stream("a", 0.5)
