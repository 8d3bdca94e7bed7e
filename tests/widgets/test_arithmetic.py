"""The JavaScript's arithmetic against torch's, its colours against matplotlib's."""

import matplotlib
import numpy as np
import pytest
import torch

from clipbook.pairs import info_nce
from clipbook.widgets import encoding
from clipbook.widgets.similarity_matrix import VIEWS

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("quick_pictures")]
SOURCE = encoding.__file__.replace("encoding.py", "similarity_matrix.js")


@pytest.fixture(scope="module")
def call(browser):
    """Calls a function that the widget's module exports, with plain values."""
    page = browser.new_page()
    with open(SOURCE, encoding="utf-8") as file:
        page.evaluate(
            """async (source) => {
                const blob = new Blob([source], { type: "text/javascript" });
                window.widget = await import(URL.createObjectURL(blob));
            }""",
            file.read(),
        )

    def call_exported(name: str, *values):
        plain = [value.tolist() if hasattr(value, "tolist") else value for value in values]
        result = page.evaluate(
            "([name, values]) => [...[widget[name](...values)].flat()]", [name, plain]
        )
        return result

    call_exported.page = page
    yield call_exported
    page.close()


def js_matrix(call, name: str, *matrices: torch.Tensor, rest: tuple = ()) -> np.ndarray:
    """What a function makes of matrices, which it gets flat, as a matrix of the same shape."""
    flat = [matrix.flatten().tolist() for matrix in matrices]
    result = call.page.evaluate(
        """([name, flat, rest]) =>
            [...widget[name](...flat.map((values) => Float64Array.from(values)), ...rest)]""",
        [name, flat, list(rest)],
    )
    return np.reshape(result, matrices[0].shape)


def random_logits(rows: int, columns: int, temperature: float) -> torch.Tensor:
    generator = torch.Generator().manual_seed(rows * 100 + columns)
    cosines = torch.rand(rows, columns, generator=generator, dtype=torch.float64) * 2 - 1
    return cosines / temperature


@pytest.mark.parametrize("temperature", [1e-3, 0.01, 0.07, 10.0])
@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (3, 5), (8, 8), (5, 2)])
def test_softmax_is_torchs(call, rows, columns, temperature):
    logits = random_logits(rows, columns, temperature)
    for along, dimension in (("row", 1), ("column", 0)):
        expected = logits.softmax(dimension)
        ours = js_matrix(call, "softmax", logits, rest=(rows, columns, along))
        np.testing.assert_allclose(ours, expected, atol=1e-6)


@pytest.mark.parametrize("temperature", [1e-3, 0.01, 0.07, 10.0])
@pytest.mark.parametrize("size", [1, 2, 8, 64])
def test_loss_is_the_packages_and_the_mean_of_torchs_two_cross_entropies(call, size, temperature):
    logits = random_logits(size, size, temperature)
    own = torch.arange(size)
    cross_entropy = torch.nn.functional.cross_entropy
    expected = (cross_entropy(logits, own) + cross_entropy(logits.T, own)).item() / 2
    (loss,) = call("infoNCE", logits.flatten(), size)
    assert loss == pytest.approx(expected, rel=1e-6, abs=1e-6)
    assert loss == pytest.approx(info_nce(logits).item(), rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("temperature", [1e-3, 0.01, 0.07, 10.0])
@pytest.mark.parametrize("size", [1, 2, 8, 64])
def test_gradient_is_what_autograd_finds_for_the_packages_loss(call, size, temperature):
    logits = random_logits(size, size, temperature).requires_grad_()
    info_nce(logits).backward()
    over_row, over_column = logits.detach().softmax(1), logits.detach().softmax(0)
    ours = js_matrix(call, "gradient", over_row, over_column, rest=(size,))
    np.testing.assert_allclose(ours, logits.grad, atol=1e-6 / size)


@pytest.mark.parametrize("temperature", [1e-3, 0.01, 0.07, 10.0])
@pytest.mark.parametrize("bias", [-10.0, 0.0, 3.5])
def test_sigmoid_and_its_loss_are_torchs(call, temperature, bias):
    logits = random_logits(8, 8, temperature) + bias
    np.testing.assert_allclose(js_matrix(call, "sigmoid", logits), logits.sigmoid(), atol=1e-6)
    (loss,) = call("sigmoidLoss", logits.flatten(), 8)
    pairs = torch.eye(8, dtype=torch.float64)
    total = torch.nn.functional.binary_cross_entropy_with_logits(logits, pairs, reduction="sum")
    assert loss == pytest.approx(total.item() / 8, rel=1e-6, abs=1e-6)


def test_equal_similarities_cost_log_of_their_number(call):
    (loss,) = call("infoNCE", [3.0] * 64, 8)
    assert loss == pytest.approx(np.log(8), abs=1e-12)


def test_peaks_count_rows_and_columns_apart_and_no_ties(call):
    matrix = [0.9, 0.1, 0.4, 0.3]  # row 1 prefers caption 0; column 1 prefers picture 1
    assert call("peaksOnDiagonal", matrix, 2, "row") == [1]
    assert call("peaksOnDiagonal", matrix, 2, "column") == [2]
    assert call("peaksOnDiagonal", [0.5] * 4, 2, "row") == [0]


def test_page_reads_the_bytes_that_python_writes(call):
    cosines = np.linspace(-1, 1, 101)
    data = list(encoding.quantise(cosines))
    decoded = call.page.evaluate("(data) => [...widget.decode(Uint8Array.from(data))]", data)
    np.testing.assert_allclose(decoded, cosines, atol=0.5001 / 32767)


def test_bytes_are_read_from_where_a_view_of_them_begins(call):
    data = [9, *encoding.quantise(np.array([0.5]))]
    script = "(data) => [...widget.decode(new DataView(Uint8Array.from(data).buffer, 1))]"
    assert call.page.evaluate(script, data) == pytest.approx([0.5], abs=2e-5)


@pytest.mark.parametrize(("scale", "name"), [("magnitude", "cividis"), ("signed", "RdBu_r")])
def test_colours_are_matplotlibs_to_eight_levels_of_256(call, scale, name):
    shares = np.linspace(0, 1, 101)
    script = "([scale, shares]) => shares.map((k) => widget.colour(widget.SCALES[scale], k))"
    ours = np.array(call.page.evaluate(script, [scale, shares.tolist()]))
    theirs = matplotlib.colormaps[name](shares)[:, :3] * 255
    assert np.abs(ours - theirs).max() <= 8


def luminance(rgb) -> float:
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in np.divide(rgb, 255)
    ]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))


@pytest.mark.parametrize("scale", ["magnitude", "signed"])
def test_numbers_stand_out_from_every_colour(call, scale):
    script = """(scale) => Array.from({ length: 101 }, (_, k) => {
        const colour = widget.colour(widget.SCALES[scale], k / 100);
        return [colour, widget.ink(colour)];
    })"""
    for colour, ink in call.page.evaluate(script, scale):
        levels = sorted([luminance(colour), {"#000": 0.0, "#fff": 1.0}[ink]])
        assert (levels[1] + 0.05) / (levels[0] + 0.05) >= 4.5


def test_page_and_python_know_the_same_views(show, make_matrix):
    page = show(make_matrix(2, 2))
    options = page.locator("select option").evaluate_all("all => all.map((one) => one.value)")
    assert tuple(options) == VIEWS
