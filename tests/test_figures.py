"""Still figures: what they show is what they were given, on a card that reads in both modes."""

import io
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from matplotlib import colormaps
from matplotlib.colors import same_color, to_rgb
from matplotlib.text import Text
from PIL import Image

from clipbook.figures import (
    CARD,
    INK,
    channel_histograms,
    curves,
    interval_chart,
    number_grid,
    pairs_strip,
    picture_grid,
    picture_row,
    probability_heatmap,
    signed_maps,
    similarity_heatmap,
    temperature_bars,
    token_heatmap,
)
from clipbook.figures.card import DARK_CARD, DARK_CHUNK, readable
from clipbook.image import open_picture
from clipbook.scenes import EXAMPLE, render
from clipbook.scenes.drawing import RGB
from tests.pictures import KINDS
from tests.plain import plain_python

PICTURES = [render(scene) for scene, _ in EXAMPLE[:3]]
CAPTIONS = [caption for _, caption in EXAMPLE[:3]]
VALUES = torch.tensor([[0.91, -0.5, 0.0], [0.25, 0.75, -0.004], [-1.0, 0.1, 1.0]])


def texts(figure) -> list[str]:
    figure.draw_without_rendering()
    return [text.get_text() for text in figure.findobj(lambda one: hasattr(one, "get_text"))]


def png(figure) -> Image.Image:
    return Image.open(io.BytesIO(figure._repr_png_()[0])).convert("RGB")


def matrix_axes(figure):
    return figure.axes[0]


def test_cells_are_coloured_and_labelled_by_their_values():
    axes = matrix_axes(similarity_heatmap(VALUES, PICTURES))
    np.testing.assert_allclose(axes.images[0].get_array(), VALUES.numpy())
    labels = {text.get_position(): text.get_text() for text in axes.texts}
    assert labels[(0, 0)] == "0.91"
    assert labels[(1, 0)] == "−0.50"  # column 1, row 0
    assert labels[(2, 1)] == "0.00"  # no minus before a zero


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_tensors_of_any_precision_with_gradients_are_drawn(dtype):
    values = torch.eye(3, dtype=dtype, requires_grad=True)
    for figure in (
        similarity_heatmap(values, PICTURES),
        probability_heatmap(values, PICTURES),
        token_heatmap(values, list("abc"), list("abc")),
        number_grid(values),
        signed_maps({"a": values}, "b", "c"),
    ):
        np.testing.assert_array_equal(matrix_axes(figure).images[0].get_array(), np.eye(3))
    bars = temperature_bars({1.0: values[0]}, own=0).axes[0].patches
    assert [bar.get_height() for bar in bars] == [1, 0, 0]
    line = curves({"a": (values[0], values[1])}, "b", "c").axes[0].lines[0]
    np.testing.assert_array_equal(line.get_xydata(), [[1, 0], [0, 1], [0, 0]])
    channel_histograms({"a": values}).draw_without_rendering()


def test_zero_similarity_is_neutral_and_probability_has_no_sign():
    signed = matrix_axes(similarity_heatmap(VALUES, PICTURES)).images[0]
    assert (signed.cmap.name, signed.get_clim()) == ("RdBu_r", (-1, 1))
    assert max(signed.cmap(signed.norm(0.0))[:3]) - min(signed.cmap(signed.norm(0.0))[:3]) < 0.02
    magnitude = matrix_axes(probability_heatmap(VALUES.softmax(1), PICTURES)).images[0]
    assert (magnitude.cmap.name, magnitude.get_clim()) == ("cividis", (0, 1))


@pytest.mark.parametrize("name", ["RdBu_r", "cividis"])
def test_every_value_can_be_read_on_its_cell(name):
    from clipbook.figures.card import ink

    for share in np.linspace(0, 1, 101):
        cell = colormaps[name](share)
        assert contrast(cell[:3], to_rgb(ink(cell))) >= 4.5


def contrast(first, second) -> float:
    """WCAG's contrast of two colours."""

    def luminance(colour) -> float:
        parts = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in colour]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    bright, dark = sorted([luminance(first), luminance(second)], reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def test_figure_brings_its_own_ground_and_can_be_read_on_it():
    assert contrast(to_rgb(CARD), to_rgb(INK)) >= 7
    for figure in (pairs_strip(PICTURES, CAPTIONS), similarity_heatmap(VALUES, PICTURES, CAPTIONS)):
        corner = np.array(png(figure).getpixel((0, 0)))
        assert np.abs(corner - 255 * np.array(to_rgb(CARD))).max() < 3


def in_the_dark(figure) -> Image.Image:
    chunks = Image.open(io.BytesIO(figure._repr_png_()[0])).private_chunks
    return Image.open(io.BytesIO(dict(chunk[:2] for chunk in chunks)[DARK_CHUNK])).convert("RGB")


EVERY_KIND = {
    "strip": lambda: pairs_strip(PICTURES, CAPTIONS),
    "heatmap": lambda: similarity_heatmap(VALUES, PICTURES, CAPTIONS),
    "weights": lambda: token_heatmap([[1, float("nan")], [0.5, 0.5]], ["the", "pup"], ["a", "b"]),
    "curves": lambda: curves({"one": ([1, 2], [5, 0]), "two": ([1, 2], [4, 3])}, "steps", "loss"),
    "bars": lambda: temperature_bars({1.0: [0.2, 0.8]}, own=1),
    "histograms": lambda: channel_histograms({"before": VALUES, "after": 2 * VALUES}),
    "intervals": lambda: interval_chart({"one": (0.2, 0.3, 0.4)}, "share"),
    "maps": lambda: signed_maps({"a": VALUES, "b": -VALUES}, "x", "y"),
}


ON_CELLS = ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))  # letters on a cell's colour, which stays


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_a_dark_page_has_its_own_ground_with_light_ink_and_the_light_one_stays(kind):
    figure = EVERY_KIND[kind]()
    light, dark = png(figure), in_the_dark(figure)
    assert dark.size == light.size
    assert np.abs(np.array(dark.getpixel((0, 0))) - 255 * np.array(to_rgb(DARK_CARD))).max() < 3
    assert same_color(figure.get_facecolor(), CARD)
    for text in figure.findobj(Text):
        if text.get_text().strip() and to_rgb(text.get_color()) not in ON_CELLS:
            assert contrast(to_rgb(text.get_color()), to_rgb(CARD)) >= 4.5
    with figure._dark():
        for text in figure.findobj(Text):
            if text.get_text().strip() and to_rgb(text.get_color()) not in ON_CELLS:
                assert contrast(to_rgb(text.get_color()), to_rgb(DARK_CARD)) >= 4.5


def test_pictures_and_cells_are_the_same_on_a_dark_page():
    figure = similarity_heatmap(VALUES, PICTURES)
    light, dark = np.array(png(figure)).astype(int), np.array(in_the_dark(figure)).astype(int)
    for axes in figure.axes:
        for image in axes.images:
            box = image.get_window_extent().padded(-6).get_points() * 2  # within its edges
            (left, low), (right, high) = box.astype(int)
            part = np.s_[light.shape[0] - high : light.shape[0] - low, left:right]
            same = (np.abs(light[part] - dark[part]) < 12).all(axis=2)
            assert same.mean() > 0.9  # all but the lines between the cells


def test_a_colour_moves_no_further_than_it_must():
    assert readable("#b2182b") == to_rgb("#b2182b")
    for colour in ("#e8d54b", "#00224e", "#7d7c78"):
        for ground in (CARD, DARK_CARD):
            assert contrast(readable(colour, ground), to_rgb(ground)) >= 4.5
            same = contrast(to_rgb(colour), to_rgb(ground)) >= 4.5
            assert (readable(colour, ground) == to_rgb(colour)) == same


def test_picture_is_twice_as_sharp_as_it_is_wide_and_may_shrink_with_the_page():
    figure = similarity_heatmap(VALUES, PICTURES, CAPTIONS)
    _, size = figure._repr_png_()
    assert png(figure).width == 2 * size["width"]
    assert "height" not in size


def test_few_colours_leave_small_pictures_their_own():
    pictures = [render(scene) for scene, _ in EXAMPLE]
    drawn = np.asarray(png(similarity_heatmap(torch.linspace(-1, 1, 64).view(8, 8), pictures)))
    for scene, _ in EXAMPLE:
        for thing in scene.objects:
            close = np.abs(drawn.astype(int) - RGB[thing.colour]).max(axis=2) <= 8
            assert close.sum() > 100, thing


def test_nothing_is_cut_off():
    for figure in (
        pairs_strip([render(scene) for scene, _ in EXAMPLE], [caption for _, caption in EXAMPLE]),
        pairs_strip(PICTURES, CAPTIONS),
        similarity_heatmap(VALUES, PICTURES, CAPTIONS),
        probability_heatmap(VALUES[:, :2].softmax(1), PICTURES),
        temperature_bars({1.0: [0.3, 0.7], 0.1: [0.0, 1.0]}, own=1),
    ):
        edge = np.asarray(png(figure)).astype(int)
        for line in (edge[0], edge[-1], edge[:, 0], edge[:, -1]):
            assert np.abs(line - line[0]).max() == 0


# What a reader may write: mathematics, mark-up, any script, no end.
PIECES = ["$", "$$", "\\", "_{", "^", "%", "&", "\n", "\t", "\0", "W" * 200, "a word " * 99]
PIECES += ["中文", "שלום", "👩‍🚀", "e\u0301\u0302", "\u2028", "\uffff"]
anything = st.lists(st.sampled_from(PIECES) | st.text(max_size=9)).map("".join)

DRAW = {
    "strip": lambda a, b: pairs_strip(PICTURES[:2], [a, b]),
    "row": lambda a, b: picture_row({a: PICTURES[0], f"{b} ": PICTURES[1]}),
    "grid": lambda a, b: picture_grid({a: PICTURES[:2], f"{b} ": [None, PICTURES[1]]}, [a, b]),
    "heatmap": lambda a, b: similarity_heatmap(VALUES[:2, :2], PICTURES[:2], [a, b]),
    "tokens": lambda a, b: token_heatmap(VALUES[:2, :2].abs(), [a, b], [b, a]),
    "maps": lambda a, b: signed_maps({a: VALUES, f"{b} ": VALUES}, across=a, up=b),
    "curves": lambda a, b: curves({a: ([1, 2], [3, 4]), f"{b} ": ([1, 2], [4, 4])}, b, a),
    "histograms": lambda a, b: channel_histograms({a: VALUES, f"{b} ": VALUES}),
    "intervals": lambda a, b: interval_chart({a: (0.1, 0.2, 0.3), f"{b} ": (0.2, 0.3, 0.4)}, a),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", DRAW)
@settings(max_examples=8)
@given(anything, anything)
@example("cheap eats $$", "between $5 and $10")
@example("W" * 200, "中文" * 99)
@example("", "\\")
def test_any_text_is_drawn_within_the_card(name, first, second):
    edge = pixels(DRAW[name](first, second))  # warnings, of missing glyphs say, are errors
    for line in (edge[0], edge[-1], edge[:, 0], edge[:, -1]):
        assert np.abs(line - line[0]).max() == 0


def pixels(figure) -> np.ndarray:
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba()).astype(int)


@pytest.mark.parametrize("name", DRAW)
def test_no_text_of_a_reader_is_mathematics(name):
    figure = DRAW[name]("from $5 to $10", "a$b$c")
    figure.draw_without_rendering()
    found = [one for one in figure.findobj(Text) if one.get_text().count("$") > 1]
    drawn = [one._preprocess_math(line) for one in found for line in one.get_text().split("\n")]
    shown = " ".join(text for text, formula in drawn if not formula)
    assert "from $5 to $10" in shown and "a$b$c" in shown


def test_characters_without_a_glyph_are_boxes_and_all_others_stay():
    written = texts(similarity_heatmap(VALUES[:, :1], PICTURES, ["日 Ω é ✓ \uffff"]))
    assert "□ Ω é ✓ □" in written
    assert "half □" in texts(picture_row({"half \ud800": PICTURES[0]}))


def test_each_picture_stands_above_its_own_caption():
    figure = pairs_strip(PICTURES, CAPTIONS)
    shown = [axes for axes in figure.axes if axes.get_visible()]
    assert len(shown) == 3
    for axes, picture, caption in zip(shown, PICTURES, CAPTIONS, strict=True):
        np.testing.assert_array_equal(axes.images[0].get_array(), np.asarray(picture))
        assert " ".join(axes.get_xlabel().split("\n")[1:]) == caption


def test_captions_stand_above_their_columns():
    written = [
        text.replace("\n", " ") for text in texts(similarity_heatmap(VALUES, PICTURES, CAPTIONS))
    ]
    places = [written.index(caption) for caption in CAPTIONS]
    assert places == sorted(places)


def test_bars_are_the_probabilities_and_the_own_caption_s_is_bright():
    row = torch.tensor([0.2, 0.5, 0.3])
    figure = temperature_bars({1.0: row, 0.5: row}, own=2)
    assert [axes.get_title() for axes in figure.axes] == ["temperature 1", "temperature 0.5"]
    bars = figure.axes[0].patches
    np.testing.assert_allclose([bar.get_height() for bar in bars], row)
    own, other = bars[2].get_facecolor(), bars[0].get_facecolor()
    assert sum(own) > sum(other)
    assert bars[1].get_facecolor() == other


def test_matrix_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match=r"shape \(3, 3\) does not fit 2 pictures and 3 captions"):
        similarity_heatmap(VALUES, PICTURES[:2])
    with pytest.raises(ValueError, match="3 pictures and 2 captions"):
        similarity_heatmap(VALUES, PICTURES, CAPTIONS[:2])
    with pytest.raises(ValueError, match="give each picture its own"):
        pairs_strip(PICTURES, CAPTIONS[:2])


def test_hidden_weights_are_dots_and_the_others_numbers():
    figure = token_heatmap([[1, float("nan")], [0.3, 0.7]], ["the", "pup"], ["the", "pup"])
    axes = matrix_axes(figure)
    labels = {text.get_position(): text.get_text() for text in axes.texts}
    assert labels == {(0, 0): "1.00", (1, 0): "·", (0, 1): "0.30", (1, 1): "0.70"}
    assert [text.get_text() for text in axes.get_yticklabels()] == ["the", "pup"]
    with pytest.raises(ValueError, match=r"\(2, 2\) does not fit 1 rows"):
        token_heatmap([[1, 0], [0, 1]], ["the"], ["the", "pup"])


def test_names_of_lines_that_end_together_do_not_lie_on_each_other():
    lines = {"one": ([1, 2], [5, 0]), "two": ([1, 2], [4, 0.01]), "three": ([1, 2], [3, 5])}
    figure = curves(lines, "steps", "loss")
    figure.draw_without_rendering()
    boxes = sorted((text.get_window_extent() for text in figure.axes[0].texts), key=lambda b: b.y0)
    assert len(boxes) == 3
    assert all(below.y1 <= above.y0 + 1 for below, above in pairwise(boxes))
    written = {text.get_text(): text.get_color() for text in figure.axes[0].texts}
    for line, (name, (x, y)) in zip(figure.axes[0].lines, lines.items(), strict=True):
        np.testing.assert_array_equal(line.get_xydata(), np.transpose([x, y]))
        assert written[name] == readable(line.get_color())


def test_maps_share_one_scale_on_which_zero_is_neutral():
    panels = {"small": np.array([[0.1, -0.2], [0.0, 0.1]]), "large": np.array([[1.0, -4.0, 0.0]])}
    card = signed_maps(panels, across="column", up="row")
    drawn = [axes for axes in card.axes if axes.images]
    assert [axes.get_title() for axes in drawn] == list(panels)
    for axes, values in zip(drawn, panels.values(), strict=True):
        np.testing.assert_array_equal(axes.images[0].get_array(), values)
        assert axes.images[0].get_clim() == (-4, 4)
        assert (axes.images[0].cmap.name, axes.get_xlabel()) == ("RdBu_r", "column")
    assert drawn[0].get_ylabel() == "row"


def test_interval_is_a_line_from_low_to_high_with_its_share_on_it():
    shares = {"seen": (0.95, 0.98, 0.99), "never seen": (0.70, 0.75, 0.80)}
    axes = interval_chart(shares, across="accuracy").axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == list(shares)
    for row, (low, share, high) in enumerate(shares.values()):
        line, dot = axes.lines[2 * row : 2 * row + 2]
        assert [*line.get_xdata(), *line.get_ydata()] == [low, high, row, row]
        assert (dot.get_xdata()[0], dot.get_ydata()[0]) == (share, row)
        assert axes.texts[row].get_text() == f"{share:.3f}"
    assert axes.get_xlim()[0] < 0.70 and axes.get_xlim()[1] > 0.99
    assert axes.get_ylim()[0] > axes.get_ylim()[1]  # the first name stands on top


def drawn(axes) -> np.ndarray:
    """The colours of a picture's pixels, as they come onto the card, 0 to 255."""
    (image,) = axes.images
    colours = image.to_rgba(image.get_array(), bytes=True)
    assert (colours[..., 3] == 255).all()
    return colours[..., :3]


FIGURES = {
    "pairs_strip": lambda one: pairs_strip([one], ["a picture"]).axes[0],
    "picture_row": lambda one: picture_row({"a picture": one}).axes[0],
    "picture_grid": lambda one: picture_grid({"a": [None, one]}, ["x", "y"]).axes[1],
    "similarity_heatmap": lambda one: similarity_heatmap([[0.0]], [one]).axes[0].child_axes[0],
    "probability_heatmap": lambda one: probability_heatmap([[1.0]], [one]).axes[0].child_axes[0],
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("figure", FIGURES)
def test_a_figure_shows_what_the_model_sees(figure, kind):
    expected = open_picture(KINDS[kind]()[0])
    np.testing.assert_array_equal(drawn(FIGURES[figure](KINDS[kind]()[0])), np.asarray(expected))


@pytest.mark.parametrize("figure", FIGURES)
@pytest.mark.parametrize(
    "numbers",
    [np.float32, np.float64, np.int64, np.uint8, torch.float32, torch.bfloat16, torch.uint8],
)
def test_one_channel_of_any_numbers_is_drawn_in_greys_from_0_to_255(figure, numbers):
    levels = np.arange(256).reshape(16, 16)  # 8 bits are exact in each of these types
    of_torch = isinstance(numbers, torch.dtype)
    values = torch.tensor(levels).to(numbers) if of_torch else levels.astype(numbers)
    if of_torch and numbers.is_floating_point:
        values.requires_grad_()
    np.testing.assert_array_equal(drawn(FIGURES[figure](values)), levels[..., None].repeat(3, 2))


def test_greys_beyond_the_range_are_cut_off_and_nan_is_refused_by_its_place():
    row = np.array([[-3.0, 0.4, 0.6, 254.6, 300, np.inf]])
    assert drawn(FIGURES["picture_row"](row))[0, :, 0].tolist() == [0, 0, 1, 255, 255, 255]
    with pytest.raises(ValueError, match="row 1, column 2 is nan; give numbers from 0 to 255"):
        picture_row({"a map": torch.tensor([[1.0, 2, 3], [0, 0, torch.nan]])})


@pytest.mark.parametrize("figure", FIGURES)
@pytest.mark.parametrize(
    "value",
    [np.zeros((8, 8, 3)), torch.zeros(3, 8, 8), np.zeros((0, 4)), np.eye(3, dtype=bool), None],
    ids=["floats", "channels first", "empty", "bool", "nothing"],
)
def test_what_is_no_picture_is_refused_by_every_figure(figure, value):
    if figure == "picture_grid" and value is None:
        return  # an empty place, see below
    with pytest.raises(ValueError, match=r"is not a picture; give|is empty; each side"):
        FIGURES[figure](value)


def test_a_grid_leaves_a_place_empty_where_there_is_no_picture():
    figure = picture_grid({"first": [PICTURES[0], None], "second": PICTURES[:2]}, ["a", "b"])
    assert [len(axes.images) for axes in figure.axes] == [1, 0, 1, 1]
    assert {"first", "second", "a", "b"} <= set(texts(figure))


def test_a_row_of_another_length_than_the_columns_is_refused():
    with pytest.raises(ValueError, match="row 'x' has 2 pictures.*1 columns; write None"):
        picture_grid({"x": PICTURES[:2]}, ["a"])
    with pytest.raises(ValueError, match="rows is empty"):
        picture_grid({}, ["a"])


REFUSED = {
    "no pictures": (lambda: picture_row({}), "pictures={} is empty; give at least one to draw"),
    "no temperatures": (lambda: temperature_bars({}, 0), "choices={} is empty"),
    "no histograms": (lambda: channel_histograms({}), "panels={} is empty"),
    "no maps": (lambda: signed_maps({}, "x", "y"), "panels={} is empty"),
    "no lines": (lambda: curves({}, "x", "y"), "lines={} is empty; give at least one to draw"),
    "channels last": (
        lambda: channel_histograms({"a": np.zeros((6, 8, 3))}),
        r"panels\['a'\] of shape \(6, 8, 3\) does not begin with red, green and blue; try",
    ),
    "no values": (lambda: channel_histograms({"a": np.zeros((3, 0))}), r"shape \(3, 0\) does not"),
    "a value": (lambda: channel_histograms({"a": 3.0}), r"of shape \(\) does not begin with red"),
    "a full row": (
        lambda: picture_row({str(k): np.zeros((4, 4)) for k in range(41)}),
        "41 pictures are more than the 40 that a row has room for; draw fewer, or several rows",
    ),
    "a flat map": (
        lambda: signed_maps({"a": [1, 2]}, "x", "y"),
        r"panels\['a'\] of shape \(2,\) is no matrix with numbers in it; give shape \(rows, col",
    ),
    "an empty map": (lambda: signed_maps({"a": [[]]}, "x", "y"), r"shape \(1, 0\) is no matrix"),
    "nan": (
        lambda: signed_maps({"a": [[1, 2], [3, np.nan]]}, "x", "y"),
        r"panels\['a'\] holds nan in row 1, column 1; look for a division by zero",
    ),
    "a flat grid": (lambda: number_grid([1.0, 2]), r"values of shape \(2,\) is no matrix with num"),
    "an empty grid": (lambda: number_grid([]), r"values of shape \(0,\) is no matrix with numbers"),
    "no shares": (lambda: interval_chart({}, "x"), "shares={} is empty"),
    "an unsure share": (lambda: interval_chart({"a": (np.nan, 0.5, 1)}, "x"), "is not lowest, mea"),
    "a share outside": (lambda: interval_chart({"a": (0.1, 0.5, 0.4)}, "x"), "is not lowest, mea"),
    "two numbers": (lambda: interval_chart({"a": (0.1, 0.5)}, "x"), "is not lowest, measured"),
    "no place": (lambda: temperature_bars({1.0: [0.5, 0.5]}, 2), "own=2 is not a whole number"),
    "no points": (lambda: curves({"a": ([], [])}, "x", "y"), r"line 'a' has .* \(0,\) across"),
    "more up": (
        lambda: curves({"a": ([1], [1, 2])}, "x", "y"),
        r"\(1,\) across and \(2,\) up; give",
    ),
    "a plane": (
        lambda: curves({"a": ([[1]], [[1]])}, "x", "y"),
        r"\(1, 1\) up; give rows of as many",
    ),
    "no finite point": (
        lambda: curves({"a": ([1], [np.nan])}, "x", "y"),
        "one point of finite num",
    ),
    "nan among values": (
        lambda: channel_histograms({"a": [[1.0], [2.0], [np.nan]]}),
        "holds what is no finite",
    ),
    "letters": (lambda: interval_chart({"a": 0.5}, "x"), "is not lowest, measured, highest"),
    "no axis": (lambda: curves({"a": ([1], [1])}, "x", "y", log="z"), "log='z'; try x or y"),
    "no line": (lambda: number_grid(np.eye(4), 0), "lines=0 is not a whole number from 1"),
    "before": (lambda: number_grid(np.eye(4), -2), "lines=-2 is not a whole number from 1"),
    "a number for a name": (lambda: curves({0.07: ([1], [1])}, "x", "y"), "0.07 is of type float"),
    "no title": (lambda: picture_row({None: Image.new("RGB", (8, 8))}), "None is of type NoneType"),
    "none across": (
        lambda: pairs_strip([Image.new("RGB", (8, 8))], ["a"], across=0),
        "across=0 is not a whole number from 1 to 100; try 4",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_drawn_is_refused_by_name(case):
    draw, said = REFUSED[case]
    with plain_python(), pytest.raises(ValueError, match=said):
        draw()


def test_a_row_has_room_for_as_many_pictures_as_it_takes():
    card = picture_row({str(k): np.zeros((4, 4)) for k in range(40)})
    assert len(card.axes) == 40
    card.draw_without_rendering()


def test_a_share_that_is_sure_is_drawn():
    assert interval_chart({"a": (0.5, 0.5, 0.5)}, "x")._repr_png_()


def test_a_line_that_ends_in_nothing_has_its_name_where_it_ends():
    figure = curves({"a": ([0, 1, 2], [1, 2, np.nan])}, "x", "y")
    (label,) = figure.axes[0].texts
    assert (label.get_text(), tuple(label.xy)) == ("a", (1, 2))


def test_values_that_are_all_the_same_have_bars_of_some_width():
    figure = channel_histograms({"white": np.ones((3, 8, 8))})
    for steps in figure.axes[0].patches:
        counts, edges, _ = steps.get_data()
        assert counts.sum() == 64 and edges[-1] - edges[0] == 1
