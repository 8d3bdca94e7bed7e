"""A scene is a plain value that can't be wrong."""

from dataclasses import FrozenInstanceError, replace
from math import dist

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from clipbook.scenes import COLOURS, GROUNDS, HELD_OUT, SHAPES, SIZES, Object, Scene
from clipbook.scenes.world import OPPOSITE, PLACES, RADIUS, RELATIONS
from tests.plain import plain_python

INSIDE = st.floats(0.25, 0.75)
THINGS = st.builds(
    Object, st.sampled_from(SHAPES), st.sampled_from(COLOURS), st.just("small"), INSIDE, INSIDE
)


def at(x: float, y: float) -> Object:
    return Object("circle", "red", "small", x, y)


def two(first: Object, second: Object) -> Scene:
    return Scene((first, second))


def test_a_scene_does_not_change():
    scene = two(at(0.3, 0.3), at(0.7, 0.7))
    with pytest.raises(FrozenInstanceError):
        scene.ground = "grey"
    with pytest.raises(FrozenInstanceError):
        scene.objects[0].colour = "blue"
    with pytest.raises((AttributeError, TypeError)):
        scene.note = "slots leave no room for this"
    with pytest.raises(TypeError):
        scene.objects[0] = at(0.5, 0.5)


def test_equal_scenes_are_one_value():
    assert two(at(0.3, 0.3), at(0.7, 0.7)) == two(at(0.3, 0.3), at(0.7, 0.7))
    assert len({two(at(0.3, 0.3), at(0.7, 0.7)), two(at(0.3, 0.3), at(0.7, 0.7))}) == 1


def test_each_colour_and_each_shape_is_held_out_once():
    colours, shapes = zip(*sorted(HELD_OUT), strict=True)
    assert sorted(colours) == sorted(COLOURS)
    assert sorted(shapes) == sorted(SHAPES)
    assert ("green", "triangle") in HELD_OUT


@pytest.mark.parametrize(
    ("first", "second", "relation"),
    [
        ((0.5, 0.2), (0.5, 0.8), "above"),
        ((0.5, 0.8), (0.5, 0.2), "below"),
        ((0.2, 0.5), (0.8, 0.5), "left of"),
        ((0.8, 0.5), (0.2, 0.5), "right of"),
        ((0.2, 0.2), (0.5, 0.8), "above"),  # further apart downwards than sideways
        ((0.2, 0.2), (0.8, 0.8), None),  # on the diagonal no word clearly fits
        ((0.2, 0.2), (0.8, 0.75), None),
    ],
)
def test_relation_follows_the_longer_axis(first, second, relation):
    assert two(at(*first), at(*second)).relation == relation


def test_a_single_object_has_no_relation():
    assert Scene((at(0.5, 0.5),)).relation is None


@pytest.mark.parametrize(
    ("x", "y", "place"),
    [
        (0.3, 0.3, "top left"),
        (0.7, 0.3, "top right"),
        (0.3, 0.7, "bottom left"),
        (0.7, 0.7, "bottom right"),
        (0.5, 0.5, "middle"),
        (0.5, 0.2, None),
        (0.2, 0.5, None),
    ],
)
def test_place_is_said_only_where_it_is_clear(x, y, place):
    assert at(x, y).place == place
    assert place is None or place in PLACES


@given(THINGS, THINGS)
def test_the_relation_turns_round_with_the_objects(first, second):
    assume(dist((first.x, first.y), (second.x, second.y)) >= 2 * RADIUS["small"] + 1e-9)
    relation, turned = two(first, second).relation, two(second, first).relation
    assert turned == (OPPOSITE[relation] if relation else None)


def test_opposites_are_mutual():
    assert set(OPPOSITE) == set(RELATIONS)
    assert all(
        OPPOSITE[OPPOSITE[relation]] == relation != OPPOSITE[relation] for relation in OPPOSITE
    )


def test_one_never_seen_combination_holds_a_scene_out():
    seen, unseen = at(0.3, 0.3), replace(at(0.7, 0.7), shape="triangle", colour="green")
    assert not Scene((seen,)).held_out
    assert Scene((unseen,)).held_out
    assert two(seen, unseen).held_out
    assert two(unseen, seen).held_out


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"shape": "hexagon"}, "shape='hexagon'.*circle"),
        ({"colour": "mauve"}, "colour='mauve'.*red"),
        ({"size": "huge"}, "size='huge'.*small"),
        ({"x": 0.05}, "x=0.05 .*outside.*try"),
        ({"y": 0.95}, "y=0.95 .*outside.*try"),
        ({"x": float("nan")}, "x=nan"),
        ({"x": "0.5"}, "^x='0.5' is not a finite number from 0 to 1; try 0.5$"),
        ({"y": None}, "^y=None is not a finite number from 0 to 1; try 0.5$"),
        ({"y": True}, "^y=True is not a finite number from 0 to 1; try 0.5$"),
    ],
)
def test_an_object_outside_the_world_is_refused(change, message):
    with plain_python(), pytest.raises(ValueError, match=message):
        replace(at(0.5, 0.5), **change)


def test_a_scene_has_one_or_two_objects_apart():
    with pytest.raises(ValueError, match="0 objects.*one or two"):
        Scene(())
    with pytest.raises(ValueError, match="3 objects.*one or two"):
        Scene((at(0.2, 0.2), at(0.8, 0.8), at(0.2, 0.8)))
    with pytest.raises(ValueError, match=r"0\.10 apart overlap.*at least.*move"):
        two(at(0.5, 0.5), at(0.6, 0.5))
    with pytest.raises(ValueError, match="ground='plaid'.*dark"):
        Scene((at(0.5, 0.5),), "plaid")


def test_the_world_has_the_promised_choices():
    assert len(set(SHAPES)) == len(set(COLOURS)) == 8
    assert SIZES == ("small", "large")
    assert len(set(GROUNDS)) >= 2


@pytest.mark.parametrize(
    "objects", [3, None, at(0.5, 0.5), "circle", ("a",), [at(0.5, 0.5), "b"], {at(0.5, 0.5)}]
)
def test_what_are_no_objects_make_no_scene(objects):
    with plain_python(), pytest.raises(ValueError, match="^objects=.* are not objects in a tuple"):
        Scene(objects)


def test_objects_in_a_list_become_a_tuple():
    with plain_python():
        scene = Scene([at(0.3, 0.3), at(0.7, 0.7)])
    assert scene == two(at(0.3, 0.3), at(0.7, 0.7))
    assert len({scene, two(at(0.3, 0.3), at(0.7, 0.7))}) == 1
