"""The running example says what the chapters say of it."""

from dataclasses import replace

from clipbook.scenes import EXAMPLE, HELD_OUT
from tests.scenes.reader import true_of

SCENES, CAPTIONS = zip(*EXAMPLE, strict=True)


def test_each_caption_is_true_of_its_own_scene_alone():
    for i, scene in enumerate(SCENES):
        assert [j for j, caption in enumerate(CAPTIONS) if true_of(caption, scene)] == [i]


def test_the_first_two_pairs_differ_in_nothing_but_their_colours():
    first, second = SCENES[:2]
    colours = [thing.colour for thing in second.objects]
    recoloured = [
        replace(thing, colour=colour) for thing, colour in zip(first.objects, colours, strict=True)
    ]
    assert replace(first, objects=tuple(recoloured)) == second
    assert colours == [thing.colour for thing in first.objects][::-1]


def test_only_the_last_pair_is_a_combination_never_trained_on():
    assert [scene.held_out for scene in SCENES] == [False] * 7 + [True]
    (last,) = SCENES[7].objects
    assert (last.colour, last.shape) in HELD_OUT
