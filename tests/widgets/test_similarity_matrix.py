"""The similarity matrix in Python: what it accepts, keeps, refuses and says."""

import base64
import gzip
import io
import json

import numpy as np
import PIL.Image
import pytest
import torch
from ipywidgets.embed import dependency_state

from clipbook.pairs import info_nce, sigmoid_loss, similarity
from clipbook.pairs.similarity import TOLERANCE
from clipbook.scenes import captions, render, sample
from clipbook.widgets import SimilarityMatrix, similarity_finding
from clipbook.widgets.similarity_checks import VIEWS
from tests.plain import plain_python

PICTURE = PIL.Image.new("RGB", (8, 8), "red")


def opened(uri: str) -> PIL.Image.Image:
    head, _, data = uri.partition(",")
    assert head == "data:image/png;base64"
    return PIL.Image.open(io.BytesIO(base64.b64decode(data)))


def cosines_in(widget: SimilarityMatrix) -> np.ndarray:
    return np.frombuffer(widget.frames, "<i2").reshape(widget.similarities.shape) / 32767


def message_from_page(widget: SimilarityMatrix, **state) -> None:
    data = {"method": "update", "state": state, "buffer_paths": []}
    widget.comm.handle_msg({"content": {"data": data}, "buffers": []})


def test_page_gets_the_similarities_to_within_half_a_16_bit_step(make_matrix):
    widget = make_matrix(5, 7, 3)
    np.testing.assert_allclose(cosines_in(widget), widget.similarities, atol=0.5001 / 32767)
    assert widget.similarities.shape == (3, 5, 7)


def test_the_last_step_is_shown_unless_asked_otherwise(make_matrix):
    assert make_matrix(frames=24).step == 23
    assert make_matrix(frames=24, step=0).step == 0
    assert make_matrix(frames=24, step=-2).step == 22


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_tensors_with_gradients_are_taken_as_arrays_are(dtype):
    tensor = torch.eye(2, dtype=dtype, requires_grad=True)
    widget = SimilarityMatrix(tensor, [PICTURE] * 2, ["one", "two"])
    np.testing.assert_array_equal(widget.similarities, np.eye(2))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("dim", [2, 3, 64, 512])
@pytest.mark.parametrize("length", [1, 1 + TOLERANCE / 2])
def test_all_that_the_packages_own_similarity_makes_is_taken(dtype, dim, length):
    rows = torch.randn(8, dim, generator=torch.Generator().manual_seed(dim), dtype=torch.float64)
    rows = (length * torch.nn.functional.normalize(rows, dim=-1)).to(dtype)
    widget = SimilarityMatrix(similarity(rows, rows), [PICTURE] * 8, list("abcdefgh"))
    np.testing.assert_allclose(np.diagonal(widget.similarities), 1, atol=1e-2)


def test_rounding_beyond_one_is_taken_as_one():
    widget = SimilarityMatrix([[1.0005]], [PICTURE], ["one"])
    assert cosines_in(widget).item() == 1


def test_assigned_similarities_reach_the_page_the_words_and_observers(make_matrix):
    widget = make_matrix(frames=1)
    seen: list[dict] = []
    widget.observe(seen.append, names="similarities")
    assert "in 0 of 8 rows" in widget.alternative
    widget.similarities = np.eye(8)
    np.testing.assert_array_equal(cosines_in(widget), np.eye(8))
    assert "in 8 of 8 rows" in widget.alternative
    assert len(seen) == 1


def test_another_number_of_frames_starts_the_steps_anew(make_matrix):
    widget = make_matrix(frames=24, step=3)
    widget.similarities = np.zeros((2, 8, 8))
    assert (widget.steps, widget.step) == ([0, 1], 1)
    widget.similarities = np.eye(8)
    assert (widget.steps, widget.step) == ([0], 0)


def test_similarities_refuse_a_change_in_place_that_no_page_would_see(make_matrix):
    with pytest.raises(ValueError, match="read-only"):
        make_matrix().similarities[0, 0, 0] = 0


def test_what_the_page_changes_is_read_in_python_and_needs_no_new_words(make_matrix):
    widget = make_matrix()
    seen, before = [], widget.alternative
    widget.observe(seen.append, names="selected")
    message_from_page(widget, selected=[2, 5], view="row", temperature=0.5, bias=-3, step=4)
    assert (widget.selected, widget.view, widget.temperature) == ([2, 5], "row", 0.5)
    assert (widget.step, widget.bias) == (4, -3.0)
    assert widget.alternative == before
    assert len(seen) == 1


def test_alternative_tells_view_temperature_bias_and_step_as_python_changes_them(make_matrix):
    widget = make_matrix()
    widget.view, widget.temperature, widget.step = "row", 1.0, 0
    assert "softmax over each row at temperature 1, training step 0" in widget.alternative
    widget.view, widget.bias = "sigmoid", 0.5
    assert "sigmoid of each cell at temperature 1 and bias 0.5, training" in widget.alternative


@pytest.mark.parametrize("temperature", [0.01, 0.07, 2.0])
def test_the_gradient_is_what_autograd_finds(make_matrix, temperature):
    cosines = torch.from_numpy(make_matrix(6, 6, 1).similarities[0].copy()).double()
    logits = (cosines / temperature).requires_grad_()
    info_nce(logits).backward()
    ours = similarity_finding.gradient(logits.detach().numpy())
    np.testing.assert_allclose(ours, logits.grad, atol=1e-9)
    biased = (logits.detach() - 3.0).requires_grad_()
    sigmoid_loss(biased).backward()
    ours = similarity_finding.sigmoid_gradient(biased.detach().numpy())
    np.testing.assert_allclose(ours, biased.grad, atol=1e-12)


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_has_a_name(make_matrix, view):
    named = {
        "cosine": "cosine similarity:",
        "logits": "logits at",
        "sigmoid": "sigmoid of each cell",
        "sigmoid_gradient": "gradient of the sigmoid loss, cell by cell, at temperature",
    }
    name = named.get(view, "gradient of InfoNCE" if view == "gradient" else f"over each {view}")
    assert name in make_matrix(2, 2, 1, view=view).alternative


MATRIX = np.eye(2)
RULES = {
    "shape": ({"similarities": np.eye(3)}, ["(3, 3)", "2 images and 2 captions", "give shape"]),
    "dimensions": ({"similarities": np.zeros(2)}, ["(2,)", "do not fit", "give shape"]),
    "no frames": ({"similarities": np.zeros((0, 2, 2))}, ["(0, 2, 2)", "none of them 0"]),
    "nan": ({"similarities": [[1, np.nan], [0, 1]]}, ["[0, 1]=nan", "not a finite", "look for"]),
    "range": ({"similarities": 14.3 * MATRIX}, ["14.3", "outside [-1, 1]", "normalise"]),
    "view": (
        {"view": "rows"},
        [
            "view='rows'",
            "not known",
            "'cosine', 'logits', 'row', 'column', 'sigmoid', 'gradient', 'sigmoid_gradient'",
        ],
    ),
    "temperature": ({"temperature": 0.0}, ["temperature=0.0", "above 0", "try 0.07"]),
    "half a step": ({"step": 0.5}, ["step=0.5", "none of the 1 matrices"]),
    "training step": ({"steps": [2.5]}, ["steps[0]=2.5 is no whole number"]),
    "half a cell": ({"selected": (0.5, 1)}, ["selected=(0.5, 1) is not a cell"]),
    "bias": ({"bias": np.nan}, ["bias=nan", "not a finite number", "try -10"]),
    "gradient": (
        {"similarities": np.ones((2, 1)), "captions": ["one"], "view": "gradient"},
        ["view='gradient'", "2 images and 1 captions", "use view='logits'"],
    ),
    "true pairs": (
        {"true_pairs": np.eye(2)},
        ["true_pairs of shape (2, 2) and type float64", "give a bool array of shape (2, 2)"],
    ),
    "infinite": ({"temperature": np.inf}, ["temperature=inf", "above 0", "try 0.07"]),
    "a text": ({"temperature": "0.07"}, ["temperature='0.07'", "finite number above 0", "try 0"]),
    "nothing": ({"temperature": None}, ["temperature=None", "finite number above 0", "try 0.07"]),
    "too large": ({"temperature": 10**400}, ["temperature=1000", "finite number above 0"]),
    "yes": ({"temperature": True}, ["temperature=True", "finite number above 0", "try 0.07"]),
    "no bias": ({"bias": None}, ["bias=None", "not a finite number from -1e+06", "try -10"]),
    "no cell": ({"selected": 0}, ["selected=0 is not a cell of 2 rows", "[0, 0] to [1, 1]"]),
    "three": ({"selected": (0, 1, 1)}, ["selected=(0, 1, 1) is not a cell of 2 rows"]),
    "step": ({"step": 1}, ["step=1", "one of the 1 matrices", "use 0 to 0, or -1"]),
    "steps": ({"steps": [0, 50]}, ["2 steps for 1 matrices", "give one"]),
    "cell": ({"selected": (0, 2)}, ["selected=(0, 2)", "2 rows and 2 columns", "to [1, 1]"]),
    "no cosine": ({"similarities": 1.03 * MATRIX}, ["1.03", "outside [-1, 1]", "normalise"]),
    "one text": ({"captions": "ab"}, ["captions='ab' is one string", "try a list"]),
    "half": ({"captions": ["one", "\ud83d"]}, ["captions[1]=", "lone surrogate at 0", "try text"]),
    "caption": ({"captions": ["one", " "]}, ["captions[1]=' '", "says nothing", "give each"]),
    "ragged": ({"similarities": [[1, 0], [0]]}, ["similarities=[[1, 0], [0]] can't", "as long"]),
    "words": ({"similarities": [["a", 0]] * 2}, ["similarities=[['a', 0],", "array of numbers"]),
    "ragged pairs": (
        {"true_pairs": [[True], []]},
        ["true_pairs=[[True], []], with rows of different lengths, does", "of shape (2, 2)"],
    ),
    "a step alone": ({"steps": 5}, ["steps=5 is no list", "try [5]"]),
    "a step in a tensor": ({"steps": torch.tensor(5)}, ["steps=tensor(5) is no list"]),
    "a picture alone": ({"images": 5}, ["images=5 is no list", "try [5]"]),
    "a path": ({"images": "a.png"}, ["images='a.png' is no list", "try ['a.png']"]),
    "picture": (
        {"images": [PICTURE, np.zeros((4, 4, 3))]},
        ["images[1]: ", "of shape (4, 4, 3) and type float64", "is not a picture", "give levels"],
    ),
}


@pytest.mark.parametrize("number", [torch.tensor(0.5), np.float32(0.5), np.array(0.5)])
def test_a_number_may_be_a_tensors(make_matrix, number):
    widget = make_matrix(2, 2, 1, temperature=number, bias=number)
    assert (widget.temperature, widget.bias) == (0.5, 0.5)


@pytest.mark.parametrize("case", RULES)
def test_bad_input_gets_value_rule_and_remedy(case):
    changed, parts = RULES[case]
    good = {"similarities": MATRIX, "images": [PICTURE] * 2, "captions": ["one", "two"]}
    with plain_python(), pytest.raises(ValueError) as error:
        SimilarityMatrix(**(good | changed))
    for part in parts:
        assert part in str(error.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("view", "rows"),
        ("temperature", -1.0),
        ("bias", float("inf")),
        ("step", 24),
        ("selected", [8, 0]),
        ("similarities", np.eye(3)),
    ],
)
def test_a_refused_assignment_changes_nothing(make_matrix, name, value):
    widget = make_matrix()
    before = widget.get_state(), widget.similarities
    with pytest.raises(ValueError, match=r"; (use|try|give)"):
        setattr(widget, name, value)
    assert (widget.get_state(), widget.similarities)[0] == before[0]
    assert widget.similarities is before[1]


def test_pictures_of_any_mode_become_rgb_and_large_ones_small():
    images = [
        PIL.Image.new("L", (10, 6), 200),
        PIL.Image.new("RGBA", (10, 6), (200, 0, 0, 255)),
        np.full((600, 300, 3), 9, np.uint8),
    ]
    widget = SimilarityMatrix(np.eye(3), images, ["one", "two", "three"])
    pictures = [opened(uri) for uri in widget.images]
    assert [picture.mode for picture in pictures] == ["RGB"] * 3
    assert [picture.size for picture in pictures] == [(10, 6), (10, 6), (96, 192)]


def test_alternative_counts_the_rows_and_columns_that_find_their_own(make_matrix):
    # row 0 finds its caption, row 1 takes caption 0; both columns find ... only their picture
    widget = make_matrix(2, 2, 1, similarities=[[0.9, 0.1], [0.4, 0.3]])
    assert widget.alternative == (
        "Similarity of 2 pictures with 2 captions, cosine similarity: "
        "in 1 of 2 rows the largest cell is the picture's own caption."
    )
    widget.view = "column"
    assert widget.alternative == (
        "Similarity of 2 pictures with 2 captions, softmax over each column at temperature 0.07: "
        "in 2 of 2 columns the largest cell is the caption's own picture."
    )


def test_alternative_of_sigmoids_counts_the_cells_that_are_taken_for_pairs(make_matrix):
    cosines = [[0.9, 0.8, 0.1], [0.4, 0.3, 0.2], [0.0, 0.1, 0.9]]
    widget = make_matrix(3, 3, 1, similarities=cosines, view="sigmoid", temperature=0.1, bias=-5.0)
    found = "2 of 3 pairs and 1 of the 6 other cells are above a half."
    assert widget.alternative.endswith(found)
    whole = make_matrix(1, 3, 1, similarities=[[0.9, 0.8, 0.1]], view="sigmoid", bias=-5.0)
    assert whole.alternative.endswith("2 of 3 cells are above a half.")


def test_alternative_of_the_gradient_names_what_training_moves_most(make_matrix):
    # caption 0 is nearer to picture 1 than caption 1 is: pair 1 and cell (1, 0) have most to change
    widget = make_matrix(2, 2, 1, similarities=[[0.9, 0.1], [0.4, 0.3]], view="gradient")
    probability = 1 / (1 + np.exp(0.1 / 0.07)), 1 / (1 + np.exp(0.2 / 0.07))  # row 1, column 1
    strongest = f"−{(2 - probability[0] - 1 / (1 + np.exp(-0.2 / 0.07))) / 4:.3f}"
    assert f"raises the pairs, most of all pair 2 ({strongest})" in widget.alternative
    assert "lowers all other cells, most of all picture 2 with caption 1 (" in widget.alternative


def test_captions_that_are_true_beside_the_pair_are_told(make_matrix):
    true_pairs = np.eye(3, dtype=bool)
    true_pairs[0, 2] = True
    widget = make_matrix(3, 3, 1, true_pairs=torch.from_numpy(true_pairs))
    assert widget.also_true == [2]
    one = "1 caption beside the pairs is true of the picture as well: a false negative."
    assert widget.alternative.endswith(one)
    assert true_pairs.diagonal().all()  # what was given is as it was
    wide = make_matrix(1, 3, 1, true_pairs=true_pairs[:1])
    assert wide.also_true == [0, 2]
    assert wide.alternative.endswith("In 2 cells the caption is true of the picture.")


def test_alternative_of_equal_cells_claims_no_match(make_matrix):
    assert "in 0 of 8 rows" in make_matrix(frames=1, similarities=np.zeros((8, 8))).alternative


def test_alternative_of_a_matrix_that_is_not_square_names_the_best_captions(make_matrix):
    widget = make_matrix(1, 3, 1, similarities=[[0.1, 0.9, 0.2]])
    assert widget.alternative == (
        "Similarity of 1 picture with 3 captions, cosine similarity: "
        "picture 1 most like “a small green square above a large blue square”."
    )


def test_its_output_is_a_view_of_the_model(make_matrix):
    widget = make_matrix()
    bundle = widget._repr_mimebundle_()
    bundle = bundle[0] if isinstance(bundle, tuple) else bundle
    view = bundle["application/vnd.jupyter.widget-view+json"]
    assert view["model_id"] == widget.model_id


def test_state_stays_small(make_matrix):
    widget = make_matrix(8, 8, 24)
    assert compressed_state(widget) <= 30_000


def test_state_of_sixty_four_real_pairs_over_eight_steps_stays_small():
    generator = np.random.default_rng(0)
    scenes = sample(64, generator)
    cosines = generator.uniform(-1, 1, (8, 64, 64))  # noise, which no compression makes smaller
    pictures = [render(scene) for scene in scenes]
    widget = SimilarityMatrix(cosines, pictures, [captions(scene)[0] for scene in scenes])
    assert compressed_state(widget) <= 150_000


def compressed_state(widget: SimilarityMatrix) -> int:
    """Bytes of what a page embeds, as a server sends it."""
    return len(gzip.compress(json.dumps(dependency_state([widget], drop_defaults=False)).encode()))
