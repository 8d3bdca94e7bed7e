"""The patch explorer in Python: what it accepts, keeps, refuses and says."""

import gzip
import json

import numpy as np
import PIL.Image
import pytest
import torch
from ipywidgets.embed import dependency_state

from clipbook.widgets import PatchExplorer


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def message_from_page(widget: PatchExplorer, **state) -> None:
    data = {"method": "update", "state": state, "buffer_paths": []}
    widget.comm.handle_msg({"content": {"data": data}, "buffers": []})


@pytest.mark.parametrize(
    ("height", "width", "sizes"),
    [(32, 32, [2, 4, 8, 16]), (48, 32, [4, 8, 16]), (8, 16, [1, 2, 4, 8])],
)
def test_sizes_divide_both_sides_into_2_to_256_patches(height, width, sizes):
    assert PatchExplorer(noise(height, width)).sizes == sizes


def test_the_sequence_goes_row_by_row_unless_asked_otherwise():
    assert PatchExplorer(noise(32, 48)).order == list(range(24))
    order = torch.randperm(24, generator=torch.Generator().manual_seed(0))
    assert PatchExplorer(noise(32, 48), order=order).order == order.tolist()


def test_another_patch_size_puts_the_sequence_in_order():
    widget = PatchExplorer(noise(16, 16), order=[3, 2, 1, 0])
    widget.selected = 3
    widget.patch_size = 4
    assert (widget.order, widget.selected) == (list(range(16)), 0)


def test_what_the_page_changes_is_read_in_python_and_needs_no_new_words():
    widget = PatchExplorer(noise(16, 16))
    seen, before = [], widget.alternative
    widget.observe(seen.append, names="order")
    shuffled = list(range(15, -1, -1))
    message_from_page(widget, patch_size=4, order=shuffled, selected=5)
    assert (widget.patch_size, widget.order, widget.selected) == (4, shuffled, 5)
    assert widget.alternative == before
    assert len(seen) == 1


RULES = {
    "picture": ({"image": np.zeros((8, 8))}, ["image: ", "shape (8, 8)", "not a picture", "give"]),
    "large": ({"image": noise(8, 225)}, ["225 × 8 px", "224 px a side", "try image.resize"]),
    "prime": ({"image": noise(17, 31)}, ["31 × 17 px", "no patch size", "crop or resize"]),
    "size": ({"patch_size": 5}, ["patch_size=5", "16 × 16 px", "try 1, 2, 4, 8"]),
    "half a pixel": ({"patch_size": 8.0}, ["patch_size=8.0", "16 × 16 px", "try 1, 2, 4, 8"]),
    "yes": ({"patch_size": True}, ["patch_size=True", "16 × 16 px", "try 1, 2, 4, 8"]),
    "halves": ({"order": [0.9, 1.5, 2.2, 3.9]}, ["order with 0.9", "4 patches", "try torch.rand"]),
    "halves of torch": ({"order": torch.rand(4)}, ["order with tensor(", "counted in whole"]),
    "one": ({"order": 5}, ["order with 5", "4 patches", "try torch.randperm(4)"]),
    "short": ({"order": [0, 1]}, ["2 places", "4 patches", "try torch.randperm(4)"]),
    "twice": ({"order": [0, 1, 1, 2]}, ["order with 1", "stands in it once", "try torch"]),
}


@pytest.mark.parametrize("case", RULES)
def test_bad_input_gets_value_rule_and_remedy(case):
    changed, parts = RULES[case]
    with pytest.raises(ValueError) as error:
        PatchExplorer(**({"image": noise(16, 16)} | changed))
    for part in parts:
        assert part in str(error.value)


@pytest.mark.parametrize(
    ("name", "value"), [("patch_size", 3), ("order", [0, 1, 2]), ("selected", 4)]
)
def test_a_refused_assignment_changes_nothing(name, value):
    widget = PatchExplorer(noise(16, 16))
    before = widget.get_state()
    with pytest.raises(ValueError, match=r"; (use|try)|try"):
        setattr(widget, name, value)
    assert widget.get_state() == before


def test_alternative_tells_where_a_patch_lies():
    widget = PatchExplorer(noise(32, 48))
    widget.selected = 9
    assert widget.alternative == (
        "A picture of 48 × 32 px is cut into 4 × 6 = 24 patches of 8 × 8 px, and they follow each "
        "other row by row. Patch 9, in row 2 and column 4, holds the pixels of rows 9 to 16 and "
        "columns 25 to 32."
    )


def test_alternative_of_a_shuffled_sequence_tells_what_is_lost():
    widget = PatchExplorer(noise(16, 16), order=[2, 0, 3, 1])
    assert "shuffled: 2, 0, 3, 1. It holds the same patches" in widget.alternative


def test_state_stays_small():
    skimage = pytest.importorskip("skimage.data")
    photograph = PIL.Image.fromarray(skimage.astronaut()).resize((224, 224))
    widget = PatchExplorer(photograph, patch_size=16)
    state = json.dumps(dependency_state([widget], drop_defaults=False))
    assert len(gzip.compress(state.encode())) <= 150_000
