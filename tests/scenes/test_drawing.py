"""Pictures show what the scene says, smoothly and quickly."""

import colorsys
import time
from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clipbook.scenes import COLOURS, GROUNDS, SHAPES, SIZES, Object, Scene, render, sample
from clipbook.scenes.drawing import GROUND_RGB, RGB
from clipbook.scenes.world import RADIUS
from tests.plain import plain_python

# Where a colour's name lies on the colour wheel, in degrees.
HUES = {
    "red": (-15, 15),
    "orange": (20, 40),
    "yellow": (45, 65),
    "green": (90, 150),
    "cyan": (170, 195),
    "blue": (210, 250),
    "purple": (260, 290),
    "pink": (310, 345),
}
SYMMETRIC = ("circle", "square", "diamond", "cross", "ring")


def one(shape="circle", colour="red", size="large", x=0.5, y=0.5, ground="dark") -> Scene:
    return Scene((Object(shape, colour, size, x, y),), ground)


def pixels(scene: Scene, size: int = 32) -> np.ndarray:
    return np.asarray(render(scene, size)).astype(int)


@pytest.mark.parametrize("size", [8, 32, 33, 224])
def test_a_picture_is_rgb_and_of_the_size_asked_for(size):
    picture = render(one(), size)
    assert (picture.mode, picture.size) == ("RGB", (size, size))


@pytest.mark.parametrize("colour", COLOURS)
def test_a_colour_is_what_its_name_says(colour):
    hue, _, _ = colorsys.rgb_to_hsv(*(value / 255 for value in RGB[colour]))
    low, high = HUES[colour]
    assert low <= (hue * 360 + 180) % 360 - 180 <= high or low <= hue * 360 <= high


@pytest.mark.parametrize(("shape", "size", "ground"), [*product(SHAPES, SIZES, GROUNDS)])
def test_the_colour_of_an_object_appears_and_no_other_does(shape, size, ground):
    for colour in COLOURS:
        grid = pixels(one(shape, colour, size, ground=ground), 64)
        shown = {name for name in COLOURS if (grid == RGB[name]).all(axis=-1).any()}
        assert shown == {colour}


def test_both_objects_appear():
    first = Object("heart", "pink", "small", 0.25, 0.25)
    second = Object("star", "cyan", "large", 0.7, 0.7)
    grid = pixels(Scene((first, second), "striped"))
    for thing in (first, second):
        assert (grid == RGB[thing.colour]).all(axis=-1).any()


def test_edges_are_smooth():
    grid = pixels(one("circle", "yellow"))
    ground, colour = np.array(GROUND_RGB["dark"]), np.array(RGB["yellow"])
    share = (grid - ground) / (colour - ground)  # 0 on the ground, 1 within the circle
    assert (share > -0.02).all()
    assert (share < 1.02).all()
    levels = np.unique(share.mean(axis=-1).round(1))
    assert len(levels) >= 8
    between = (share.mean(axis=-1) > 0.05) & (share.mean(axis=-1) < 0.95)
    assert 10 < between.sum() < 120  # a rim, not a blur


@pytest.mark.parametrize("shape", SHAPES)
def test_a_larger_picture_averages_to_the_smaller_one(shape):
    for ground in GROUNDS:
        scene = one(shape, x=0.43, y=0.61, ground=ground)
        halved = np.asarray(render(scene, 128).reduce(4)).astype(int)
        assert abs(halved - pixels(scene)).mean() < 4


@given(st.sampled_from(SYMMETRIC), st.floats(0.25, 0.75), st.floats(0.25, 0.75))
@settings(max_examples=40)
def test_an_object_is_where_the_scene_puts_it(shape, x, y):
    ground = np.array(GROUND_RGB["grey"])
    shown = abs(pixels(one(shape, "blue", x=x, y=y, ground="grey")) - ground).sum(axis=-1)
    down, right = np.mgrid[:32, :32] + 0.5
    assert (shown * right).sum() / shown.sum() == pytest.approx(x * 32, abs=0.6)
    assert (shown * down).sum() / shown.sum() == pytest.approx(y * 32, abs=0.6)


@pytest.mark.parametrize("shape", SHAPES)
def test_large_is_larger_than_small_and_fits_its_radius(shape):
    ground = np.array(GROUND_RGB["dark"])
    areas = []
    for size in SIZES:
        inside = (pixels(one(shape, size=size), 64) != ground).any(axis=-1)
        rows, columns = inside.nonzero()
        reach = max(abs(rows + 0.5 - 32).max(), abs(columns + 0.5 - 32).max())
        assert reach <= RADIUS[size] * 64 + 2
        areas.append(inside.sum())
    assert areas[1] > 1.3 * areas[0]


def test_every_two_shapes_look_different():
    for first, second in combinations(SHAPES, 2):
        difference = abs(pixels(one(first, size="small")) - pixels(one(second, size="small")))
        assert (difference.max(axis=-1) > 40).sum() >= 6, (first, second)


def test_every_two_grounds_look_different():
    corners = {ground: pixels(one(ground=ground))[:8] for ground in GROUNDS}
    for first, second in combinations(GROUNDS, 2):
        assert abs(corners[first] - corners[second]).mean() > 8, (first, second)


def test_drawing_leaves_nothing_behind():
    scene = one(ground="striped")
    first = render(scene)
    before = first.tobytes()
    first.paste((0, 0, 0), (0, 0, 32, 32))
    render(one("star", "green", ground="striped"))
    assert render(scene).tobytes() == before


@pytest.mark.parametrize("size", [7, 0, -1, 32.5, 32.0, "32", True, 4097, 10**6])
def test_a_size_at_which_no_picture_is_drawn_is_refused(size):
    said = f"size={size!r} is not a whole number from 8 to 4,096; try 32$"
    with plain_python(), pytest.raises(ValueError, match=said):
        render(one(), size)


def test_6000_pictures_are_drawn_in_a_second():
    scenes = sample(400, np.random.default_rng(0))
    seconds = []
    for _ in range(7):
        started = time.process_time()  # this process alone: others on the machine don't count
        for scene in scenes:
            render(scene)
        seconds.append(time.process_time() - started)
    assert len(scenes) / min(seconds) >= 6_000
