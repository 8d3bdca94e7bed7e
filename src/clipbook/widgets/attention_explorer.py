"""Where attention looks, as a figure that answers.

This module holds the state of the widget and checks it. What it looks like is in
``attention_explorer.js`` and ``.css``; the same words are found there for each query.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import regex
import traitlets

from clipbook.text.texts import checked_texts
from clipbook.validation import excerpt

from .encoding import float_array, picture_uri, quantise, seen_picture
from .kit import Widget, checked_index, is_whole, sources

MEAN = "mean"
MOST = 65_536  # weights, 128 kB
_ROUNDING = 1e-2  # that float16 and bfloat16 may bring into the sum of a row
_NAMED = 3  # keys, in the alternative
_EQUAL = 5e-4  # a difference that nobody can see
_SIGNS = {" ": "␣", "\n": "↵", "\t": "⇥"}
_NO_LETTER = regex.compile(r"[ \p{Cc}\p{Noncharacter_Code_Point}]")


class AttentionExplorer(Widget):
    """Choose a query, a token or a patch, and see how much it looks at each key.

    Args:
        weights: attention weights, an array or tensor of shape (layers, heads, queries, keys),
            queries as many as keys; each row sums to 1. The encoders' ``attention_weights`` give
            them for a batch: take ``[:, 0]`` of it, and of a padded text the real tokens.
        tokens: the text's tokens, if the weights are those of a text.
        image: the picture, a PIL image, a path or a uint8 array (height, width, 3), if the weights
            are those of a vision transformer: its keys are square patches that fill the picture,
            row by row, after a class token if there is one key more. It is shown as the model sees
            it: as ``clipbook.image.open_picture`` gives it.
        layer: index of the layer, from the end if negative, or ``"mean"`` over all.
        head: index of the head, or ``"mean"`` over all.
        query: index of the token or patch that looks.
        causal: whether a token may look only at itself and at those before it.

    Give exactly one of ``tokens`` and ``image``. ``layer``, ``head`` and ``query`` can be read, set
    and observed at any time, and the page follows. ``weights`` is what was given, as float32; the
    page gets them in 16 bits each, true to 7.7e-6.

    Raises:
        ValueError: for values that break these rules.
    """

    _esm, _css = sources(__file__)

    data = traitlets.Bytes(help="weights, see encoding.quantise").tag(sync=True)
    shape = traitlets.List(traitlets.Int(), help="layers, heads, queries, keys").tag(sync=True)
    tokens = traitlets.List(traitlets.Unicode(), help="empty for a picture").tag(sync=True)
    image = traitlets.Unicode(help="data URI of a PNG, or empty for a text").tag(sync=True)
    grid = traitlets.List(traitlets.Int(), help="[rows, columns] of patches").tag(sync=True)
    causal = traitlets.Bool().tag(sync=True)
    layer = traitlets.Union([traitlets.Int(), traitlets.Unicode()]).tag(sync=True)
    head = traitlets.Union([traitlets.Int(), traitlets.Unicode()]).tag(sync=True)
    query = traitlets.Int().tag(sync=True)

    def __init__(
        self,
        weights: Any,
        tokens: Sequence[str] | None = None,
        image: Any = None,
        layer: int | str = -1,
        head: int | str = MEAN,
        query: int = 0,
        causal: bool = False,
    ) -> None:
        self.weights = _checked_weights(weights)
        keys = self.weights.shape[-1]
        if (tokens is None) == (image is None):
            given = "neither" if tokens is None else "both"
            raise ValueError(
                f"{given} of tokens and image given; give tokens= for the weights of a text, or "
                "image= for those of a picture's patches"
            )
        if causal:
            _check_causal(self.weights, image)
        seen = None if image is None else seen_picture(image)
        super().__init__(
            data=quantise(self.weights, signed=False),
            shape=list(self.weights.shape),
            tokens=[] if tokens is None else _checked_tokens(tokens, keys),
            image="" if seen is None else picture_uri(seen),
            grid=[] if seen is None else _grid(*seen.size, keys),
            causal=causal,
            layer=_checked_choice("layer", layer, self.weights.shape[0]),
            head=_checked_choice("head", head, self.weights.shape[1]),
            query=checked_index("query", query, keys, "queries"),
        )
        self.follow("layer", "head", "query")

    @property
    def shown(self) -> np.ndarray:
        """The weights that are shown now, of shape (queries, keys)."""
        layers = self.weights if self.layer == MEAN else self.weights[[self.layer]]
        heads = layers if self.head == MEAN else layers[:, [self.head]]
        return heads.mean(axis=(0, 1), dtype=np.float64)

    def describe(self) -> str:
        """What the query looks at most."""
        layer = "mean of all layers" if self.layer == MEAN else f"layer {self.layer}"
        head = "mean of all heads" if self.head == MEAN else f"head {self.head}"
        return f"Attention, {layer}, {head}: {self._finding()}"

    def _finding(self) -> str:
        allowed = self.shown[self.query][: self.query + 1 if self.causal else None]
        query = self._whole_name(self.query)
        query = query[0].upper() + query[1:]
        if len(allowed) == 1:
            return f"{query} may look only at itself."
        if allowed.max() - allowed.min() < _EQUAL:
            return f"{query} looks at all {len(allowed)} keys alike ({allowed.mean():.2f})."
        keys = np.argsort(-allowed, kind="stable")[:_NAMED].tolist()
        names = ["itself" if key == self.query else self._brief_name(key) for key in keys]
        first, *others = [
            f"{name} ({allowed[key]:.2f})" for name, key in zip(names, keys, strict=True)
        ]
        even = f"even shares would be {1 / len(allowed):.2f}"
        return f"{query} looks most at {first}, then {' and '.join(others)}; {even}."

    def _patch(self, key: int) -> int:
        """The patch that a key of a picture is; -1 for the class token."""
        return key - (self.shape[-1] - math.prod(self.grid))

    def _whole_name(self, key: int) -> str:
        """A token in quotation marks, or a patch with its number and its place."""
        name, patch = self._brief_name(key), self._patch(key)
        return f"patch {patch} ({name})" if self.grid and patch >= 0 else name

    def _brief_name(self, key: int) -> str:
        """A token in quotation marks, or the place of a patch."""
        if not self.grid:
            return f"“{_visible(self.tokens[key])}”"
        if self._patch(key) < 0:
            return "the class token"
        row, column = divmod(self._patch(key), self.grid[1])
        return f"row {row + 1}, column {column + 1}"

    @traitlets.validate("layer")
    def _validate_layer(self, proposal: Any) -> int | str:
        return _checked_choice("layer", proposal["value"], self.weights.shape[0])

    @traitlets.validate("head")
    def _validate_head(self, proposal: Any) -> int | str:
        return _checked_choice("head", proposal["value"], self.weights.shape[1])

    @traitlets.validate("query")
    def _validate_query(self, proposal: Any) -> int:
        return checked_index("query", proposal["value"], self.weights.shape[2], "queries")


def _visible(token: str) -> str:
    """A token as something that can be seen: a space as ␣, a control character as its number."""
    signs = _NO_LETTER.sub(lambda match: _SIGNS.get(match[0], f"{ord(match[0]):04X}"), token)
    return signs or "∅"


def _checked_weights(weights: Any) -> np.ndarray:
    weights = float_array("weights", weights)
    if weights.ndim != 4 or not weights.size or weights.shape[2] != weights.shape[3]:
        raise ValueError(
            f"weights of shape {weights.shape} are not (layers, heads, queries, keys) with as "
            "many queries as keys; of a batch take one: weights[:, 0]"
        )
    if weights.size > MOST:
        raise ValueError(
            f"weights of shape {weights.shape} are {weights.size} numbers, more than the {MOST} "
            "that a page should carry; choose layers or heads, say weights[-1:]"
        )
    if not (np.isfinite(weights).all() and weights.min() >= 0):
        worst = weights[~(np.isfinite(weights) & (weights >= 0))][0]
        raise ValueError(
            f"a weight of {worst:.4g} is outside [0, 1]; give what comes after the softmax, "
            "not the scores"
        )
    sums = weights.sum(axis=-1, dtype=np.float64)
    worst = float(sums.flat[np.abs(sums - 1).argmax()])
    if abs(worst - 1) > _ROUNDING:
        raise ValueError(
            f"a row of weights sums to {worst:.4g} instead of 1; give all keys of each query, "
            "and take the softmax over the last dimension"
        )
    weights = weights.clip(0, 1)
    weights.flags.writeable = False  # a change in place would not reach the page
    return weights


def _checked_tokens(tokens: Sequence[str], keys: int) -> list[str]:
    tokens = checked_texts(tokens, "tokens")
    if len(tokens) != keys:
        raise ValueError(
            f"{len(tokens)} tokens for {keys} keys; give a list with one text a token, "
            "and of padded weights only those of real tokens: weights[..., :n, :n]"
        )
    return tokens


def _check_causal(weights: np.ndarray, image: Any) -> None:
    if image is not None:
        raise ValueError("causal=True with an image: patches have no before; leave causal out")
    later = np.triu(weights, k=1)
    if later.max() > 0:
        layer, head, query, key = (int(k) for k in np.argwhere(later > 0)[0])
        raise ValueError(
            f"weights[{layer}, {head}, {query}, {key}]={later[layer, head, query, key]:.4g}, but "
            "with causal=True no query looks at a later key; leave causal out, or mask the scores "
            "before the softmax"
        )


def _grid(width: int, height: int, keys: int) -> list[int]:
    """Rows and columns of square patches that fill the picture; a class token is no patch."""
    for patches in (keys, keys - 1):
        rows = math.isqrt(patches * height // width)
        if rows and patches % rows == 0 and rows * width == patches // rows * height:
            return [rows, patches // rows]
    raise ValueError(
        f"{keys} keys are no square patches that fill a picture of {width} × {height} px, with or "
        "without a class token; give the picture as the encoder saw it, cropped to its patches"
    )


def _checked_choice(name: str, choice: int | str, count: int) -> int | str:
    if isinstance(choice, str) and choice == MEAN:
        return MEAN
    if isinstance(choice, str) or not is_whole(choice) or not -count <= choice < count:
        raise ValueError(
            f"{name}={excerpt(choice)} is none of the {count} {name}s; "
            f"use 0 to {count - 1}, -1 for the last, or 'mean'"
        )
    return int(choice) % count
