"""Does a model know a picture by an artist whom it has never seen?

Built in: book/real/emoji.
"""

import re
from collections.abc import Sequence

import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor
from torch.nn.functional import avg_pool2d

from clipbook.emoji import HELD_OUT, Emoji
from clipbook.evaluation.zero_shot import class_embeddings
from clipbook.image import Augmentation, normalise, place
from clipbook.pairs import CLIP, similarity
from clipbook.pairs.modes import evaluating
from clipbook.streams import stream
from clipbook.text import AnyTokenizer
from clipbook.validation import check_axes, excerpt, whole_number

MOVED = Augmentation(largest=1.0, colours=0.0, backgrounds=1.0)
"""Turned, shifted, shrunk and on another colour: what a picture is of does not change by it."""

FAMILIES = {
    "colour of a heart": (
        r"^(red|pink|orange|yellow|green|blue|light blue|purple|brown|black|grey) heart$"
    ),
    "colour of a circle": r"^(red|orange|yellow|green|blue|purple|brown|black|white) circle$",
    "colour of a square": r"^(red|orange|yellow|green|blue|purple|brown) square$",
    "colour of a fruit": r"^(red apple|green apple|pear|peach|tomato|lemon|melon|cherries)$",
    "time on a clock": r"o'clock$|^\w+-thirty$",
    "direction": r"^((up|down|left|right)(-left|-right)? arrow|backhand index pointing \w+)$",
    "what a cat's face shows": r"cat$|^cat with|^smiling cat",
}
"""Concepts that differ in one thing alone, some of them in HELD_OUT: by what differs."""


def held_out_rows(emoji: Emoji, artist: str) -> tuple[Int64[Tensor, "seen"], Int64[Tensor, "new"]]:
    """Rows of an artist's pictures of trained concepts, and of those in HELD_OUT."""
    held_out = torch.tensor([emoji.place(name) for name in HELD_OUT])
    rows = emoji.rows_of(artist)
    new = torch.isin(emoji.concept_of[rows], held_out)
    return rows[~new], rows[new]


def moved(pictures: UInt8[Tensor, "n h w 4"], size: int = 48) -> UInt8[Tensor, "n size size 3"]:
    """The same change for every model and baseline, drawn once."""
    return MOVED(pictures, size, stream("emoji: moved and recoloured"))


def ranks(
    similarities: Float[Tensor, "pictures names"], own: Int64[Tensor, "pictures"]
) -> Int64[Tensor, "pictures"]:
    """The place of each picture's own name among all, 1 is first; equals count against it.

    own: the column of each picture's name. Raises ValueError unless there is one for each picture,
    a whole number of int64, and, on the CPU, for what is no column.
    """
    check_axes("similarities", similarities, "pictures names")
    check_axes("own", own, "pictures")
    if own.dtype != torch.int64:
        raise ValueError(f"own holds {own.dtype}, columns are of torch.int64; try own.long()")
    names = similarities.shape[1]
    beyond = own.device.type == "cpu" and ((own < 0) | (own >= names)).any()
    if own.shape != similarities.shape[:1] or beyond:
        raise ValueError(
            f"own={excerpt(own.tolist())} for {len(similarities)} pictures and {names} names; give "
            f"each picture the column of its name, from 0 to {names - 1}"
        )
    return (~(similarities < similarities.gather(1, own[:, None]))).sum(dim=1)


def pixel_similarities(
    pictures: UInt8[Tensor, "pictures size size 3"],
    known: UInt8[Tensor, "known size size 3"],
    concept_of: Int64[Tensor, "known"],
    concepts: int,
    side: int = 16,
) -> Float[Tensor, "pictures concepts"]:
    """The baseline that learns nothing: minus the distance to the nearest known picture of each
    concept, pixel by pixel, once all are shrunk to side × side.

    A concept without a known picture is at −∞. Raises ValueError for a side that does not divide
    the pictures' size, known pictures of another size, what are no square pictures of three levels
    from 0 to 255, and concepts that are not those of the known pictures.
    """
    side = whole_number("side", side, 16)
    concepts = whole_number("concepts", concepts, 1_322)
    for name, images in (("pictures", pictures), ("known", known)):
        check_axes(name, images, "pictures size size 3")
        height, width, channels = images.shape[1:]
        if images.dtype != torch.uint8 or channels != 3 or height != width:
            raise ValueError(
                f"{name} of shape {tuple(images.shape)} and {images.dtype}; give square ones of "
                "three levels of uint8, as clipbook.image.place does"
            )
    check_axes("concept_of", concept_of, "known")
    beyond = (
        concept_of.numel() and not 0 <= int(concept_of.min()) <= int(concept_of.max()) < concepts
    )
    if len(concept_of) != len(known) or concept_of.dtype != torch.int64 or beyond:
        raise ValueError(
            f"concept_of={excerpt(concept_of.tolist())} for {len(known)} known pictures and "
            f"{concepts} concepts; give each the number of its concept, of torch.int64"
        )
    size = pictures.shape[1]
    if size % side:
        below = max(k for k in range(1, side + 1) if size % k == 0)
        raise ValueError(f"side={side} does not divide the pictures' {size} px; try {below}")
    if known.shape[1:] != pictures.shape[1:]:
        raise ValueError(
            f"known pictures {tuple(known.shape)} are of another size than "
            f"{tuple(pictures.shape)}; make both with the same size"
        )

    def shrink(images: Tensor) -> Tensor:
        return avg_pool2d(images.permute(0, 3, 1, 2).float() / 255, size // side).flatten(1)

    distances = torch.cdist(shrink(pictures), shrink(known))  # (pictures, known)
    nearest = distances.new_full((len(pictures), concepts), torch.inf)
    columns = concept_of.to(distances.device).expand(len(pictures), -1)
    return -nearest.scatter_reduce(1, columns, distances, "amin")


def name_embeddings(
    model: CLIP, tokenizer: AnyTokenizer, emoji: Emoji
) -> Float[Tensor, "concepts embed_dim"]:
    """Of every concept's name, as a mean over the templates."""
    return class_embeddings(model, tokenizer, emoji.names)


def picture_embeddings(
    model: CLIP, pictures: UInt8[Tensor, "n size size 3"], batch_size: int = 256
) -> Float[Tensor, "n embed_dim"]:
    """Unit rows, made batch by batch, in eval mode.

    Raises ValueError for a batch_size below 1, and for what is no tensor of pictures.
    """
    batch_size = whole_number("batch_size", batch_size, 256)
    check_axes("pictures", pictures, "n size size 3")
    with evaluating(model):
        parts = [
            model.encode_image(normalise(part.to(model.device), model.config.preprocessing))
            for part in pictures.split(batch_size)
        ]
        return torch.cat(parts)


def auc(own: Float[Tensor, "own"], others: Float[Tensor, "others"]) -> float:
    """How often one of `own` is above one of `others`, equals counting half: 0.5 is a guess.

    The area under the ROC curve. Raises ValueError where either holds none, or what is no number.
    Source: Hanley & McNeil 1982.
    """
    for name, scores in (("own", own), ("others", others)):
        check_axes(name, scores, name)
        if scores.isnan().any():
            raise ValueError(f"{name} holds nan, which is above nothing; look where it comes from")
    if not len(own) or not len(others):
        raise ValueError(
            f"{len(own)} own and {len(others)} others can't be compared; give at least one of each"
        )
    above = (own[:, None] > others[None]).float() + 0.5 * (own[:, None] == others[None]).float()
    return above.mean().item()


def held_out_auc(
    similarities: Float[Tensor, "pictures names"], own: Int64[Tensor, "pictures"], emoji: Emoji
) -> dict[str, dict[str, float]]:
    """For each family and each of its concepts in HELD_OUT: does the name, which was never trained,
    prefer its own pictures to those of its siblings?

    This compares pictures under one name. Names can't be compared: one that was never trained was
    never pushed away from any picture either.
    """
    found: dict[str, dict[str, float]] = {}
    for what, pattern in FAMILIES.items():
        family = [k for k, name in enumerate(emoji.names) if re.search(pattern, name)]
        inside = torch.isin(own, torch.tensor(family))
        for name in HELD_OUT:
            k = emoji.place(name)
            siblings = inside & (own != k)
            if k in family and (own == k).any() and siblings.any():
                scores = similarities[:, k]
                found.setdefault(what, {})[name] = auc(scores[own == k], scores[siblings])
    return found


def evaluate_emoji(
    model: CLIP, tokenizer: AnyTokenizer, emoji: Emoji, artist: str = "twemoji"
) -> dict[str, float]:
    """Shares of right names, 0 to 1, for an artist's pictures among all names, in eval mode.

    "first" and "first five", as drawn on white, and moved and recoloured; the concepts in HELD_OUT
    are left out. "colour, AUC" is the mean over never-trained colours of hearts, circles and
    squares, over all artists' pictures.
    """
    size = model.config.image.image_size
    rows, _ = held_out_rows(emoji, artist)
    names = name_embeddings(model, tokenizer, emoji)
    own = emoji.concept_of[rows]
    results = {}
    for how, pictures in (
        ("as drawn", place(emoji.pictures[rows], size)),
        ("moved, recoloured", moved(emoji.pictures[rows], size)),
    ):
        place_of = ranks(similarity(picture_embeddings(model, pictures), names).cpu(), own)
        results[f"{how}: first"] = (place_of <= 1).float().mean().item()
        results[f"{how}: first five"] = (place_of <= 5).float().mean().item()
    of_families = families_rows(emoji)
    pictures = place(emoji.pictures[of_families], size)
    similarities = similarity(picture_embeddings(model, pictures), names).cpu()
    found = held_out_auc(similarities, emoji.concept_of[of_families], emoji)
    colours = [found[f"colour of a {shape}"] for shape in ("heart", "circle", "square")]
    values = [value for family in colours for value in family.values()]
    return results | {"colour, AUC": sum(values) / len(values)}


def families_rows(emoji: Emoji, artists: Sequence[str] = ()) -> Int64[Tensor, "rows"]:
    """Rows of all pictures of concepts in FAMILIES, or those of some artists."""
    patterns = [re.compile(pattern) for pattern in FAMILIES.values()]
    wanted = [
        k for k, name in enumerate(emoji.names) if any(pattern.search(name) for pattern in patterns)
    ]
    rows = emoji.rows_of(*artists) if artists else torch.arange(len(emoji.pictures))
    return rows[torch.isin(emoji.concept_of[rows], torch.tensor(wanted))]
