"""A picture beside its sequence of patches, as a figure that answers.

This module holds the state of the widget and checks it. What it looks like is in
``patch_explorer.js`` and ``.css``.
"""

from collections.abc import Sequence
from typing import Any

import PIL.Image
import traitlets

from clipbook.validation import excerpt

from .encoding import png_uri, seen_picture
from .kit import Widget, checked_index, is_whole, sources

LONGEST_SIDE = 224  # px, what CLIP takes; the page gets every pixel as it is
FEWEST, MOST = 2, 256  # patches that are worth a look, and that a page can show
_MOST_NAMED = 16  # patches; more would be no sentence


class PatchExplorer(Widget):
    """A picture cut into square patches, and the sequence that a vision transformer makes of them.

    Args:
        image: a PIL image, a path, or a uint8 array (height, width, 3), at most 224 px wide and
            high, shown as the model sees it: as ``clipbook.image.open_picture`` gives it.
        patch_size: side of a patch in pixels; it divides height and width, into 2 to 256 patches.
        order: which patch stands at each place of the sequence, by row-major index, as a list or
            tensor; row by row if left out.

    ``patch_size``, ``order`` (a list) and ``selected`` (the row-major index of a patch) can be
    read, set and observed at any time, and the page follows. Another patch size puts the sequence
    back in order. ``sizes`` are the patch sizes to choose from.

    Raises:
        ValueError: for values that break these rules.
    """

    _esm, _css = sources(__file__)

    image = traitlets.Unicode(help="data URI of a PNG").tag(sync=True)
    height = traitlets.Int(help="px").tag(sync=True)
    width = traitlets.Int(help="px").tag(sync=True)
    sizes = traitlets.List(traitlets.Int(), help="px, from small to large").tag(sync=True)
    patch_size = traitlets.Int(help="px, one of sizes").tag(sync=True)
    order = traitlets.List(traitlets.Int(), help="the patch at each place").tag(sync=True)
    selected = traitlets.Int(help="row-major index of a patch").tag(sync=True)

    def __init__(self, image: Any, patch_size: int = 8, order: Any = None) -> None:
        self._image = _checked_image(image)
        height, width = self._image.height, self._image.width
        sizes = _sizes(height, width)
        patch_size = _checked_patch_size(patch_size, sizes, self._image)
        patches = height * width // patch_size**2
        super().__init__(
            image=png_uri(self._image),
            height=height,
            width=width,
            sizes=sizes,
            patch_size=patch_size,
            order=list(range(patches)) if order is None else _whole_numbers(order, patches),
            selected=0,
        )
        self.observe(self._put_in_order, names="patch_size")
        self.follow("order", "selected")

    @property
    def patches(self) -> int:
        """How many there are."""
        return self.height * self.width // self.patch_size**2

    def describe(self) -> str:
        """Into how many patches the picture is cut, and where the selected one lies."""
        size, columns = self.patch_size, self.width // self.patch_size
        cut = (
            f"A picture of {self.width} × {self.height} px is cut into "
            f"{self.height // size} × {columns} = {self.patches} patches of {size} × {size} px"
        )
        if self.order != list(range(self.patches)):
            listed = ", ".join(map(str, self.order[:_MOST_NAMED]))
            more = ", and so on" if self.patches > _MOST_NAMED else ""
            return (
                f"{cut}, and their sequence is shuffled: {listed}{more}. It holds the same "
                "patches, so a model without position embeddings cannot tell it from the picture."
            )
        row, column = divmod(self.selected, columns)
        top, left = row * size, column * size
        return (
            f"{cut}, and they follow each other row by row. Patch {self.selected}, in row "
            f"{row + 1} and column {column + 1}, holds the pixels of rows {top + 1} to "
            f"{top + size} and columns {left + 1} to {left + size}."
        )

    def _put_in_order(self, change: Any) -> None:
        if len(self.order) != self.patches:  # else the new order came with the new size
            with self.hold_trait_notifications():
                self.selected = 0
                self.order = list(range(self.patches))

    @traitlets.validate("patch_size")
    def _validate_patch_size(self, proposal: Any) -> int:
        return _checked_patch_size(proposal["value"], self.sizes, self._image)

    @traitlets.validate("order")
    def _validate_order(self, proposal: Any) -> list[int]:
        order, patches = proposal["value"], self.patches
        if sorted(order) != list(range(patches)):
            wrong = next((k for k in order if not 0 <= k < patches or order.count(k) > 1), None)
            value = f"{len(order)} places" if wrong is None else f"{wrong}"
            raise ValueError(
                f"order with {value} is no order of the {patches} patches: each index from 0 to "
                f"{patches - 1} stands in it once; try torch.randperm({patches}).tolist()"
            )
        return order

    @traitlets.validate("selected")
    def _validate_selected(self, proposal: Any) -> int:
        return checked_index("selected", proposal["value"], self.patches, "patches")


def _checked_image(image: Any) -> PIL.Image.Image:
    image = seen_picture(image)
    if max(image.size) > LONGEST_SIDE:
        raise ValueError(
            f"an image of {image.width} × {image.height} px is more than a page should carry, "
            f"{LONGEST_SIDE} px a side; try image.resize((224, 224)) or crop it"
        )
    return image


def _sizes(height: int, width: int) -> list[int]:
    """Sides of square patches that fill the picture."""
    sizes = [
        size
        for size in range(1, min(height, width) + 1)
        if height % size == width % size == 0 and FEWEST <= height * width // size**2 <= MOST
    ]
    if not sizes:
        raise ValueError(
            f"no patch size cuts {width} × {height} px into {FEWEST} to {MOST} patches without a "
            "rest; crop or resize the image to multiples of 8 px, say image.resize((32, 32))"
        )
    return sizes


def _whole_numbers(order: Any, patches: int) -> list[int]:
    """An order as a list; whether each patch stands in it once, the widget says."""
    try:
        places = list(order)
    except TypeError:
        places = [order]
    for place in places:
        if not is_whole(place):
            raise ValueError(
                f"order with {excerpt(place)} is no order of the {patches} patches, which are "
                f"counted in whole numbers; try torch.randperm({patches}).tolist()"
            )
    return [int(place) for place in places]


def _checked_patch_size(size: Any, sizes: Sequence[int], image: PIL.Image.Image) -> int:
    if not is_whole(size) or size not in sizes:
        raise ValueError(
            f"patch_size={excerpt(size)} px does not cut {image.width} × {image.height} px into "
            f"{FEWEST} to {MOST} patches without a rest; try {', '.join(map(str, sizes))}"
        )
    return int(size)
