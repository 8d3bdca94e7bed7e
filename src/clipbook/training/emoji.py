"""Batches of emoji: each picture a little different every time, with a caption of its own."""

from dataclasses import asdict

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from clipbook.emoji import ARTISTS, EXAMPLE, HELD_OUT, Captions, Emoji
from clipbook.emoji.captions import may_be_mirrored
from clipbook.emoji.collection import ARTIST_NAMES, artist_number
from clipbook.image import Augmentation, place
from clipbook.image.augmentation import checked_augmentation
from clipbook.streams import stream
from clipbook.text import Tokenizer
from clipbook.training.data import Batch
from clipbook.training.identity import digest, digest_of_text, identify_tokenizer
from clipbook.validation import LARGEST_SEED, true_or_false, whole_number

DEFAULT = Augmentation()
VOCABULARY = 3_000


def train_emoji_tokenizer(emoji: Emoji, languages: tuple[str, ...] = ("en",)) -> Tokenizer:
    """The tokenizer of these names and keywords, without those of HELD_OUT."""
    captions, generator = Captions(emoji.concepts, languages), stream("tokenizer of emoji")
    held_out = {emoji.place(name) for name in HELD_OUT}
    places = [place for place in range(len(emoji.concepts)) if place not in held_out]
    texts = [captions.draw(place, generator) for _ in range(12) for place in places]
    return Tokenizer.train(texts, VOCABULARY)


def emoji_example(emoji: Emoji, tokenizer: Tokenizer, size: int) -> Batch:
    """The eight pairs of `clipbook.emoji.EXAMPLE`, drawn by Twemoji, as a batch."""
    names, captions = zip(*EXAMPLE, strict=True)
    pictures = np.stack([np.asarray(emoji.picture(name, "twemoji")) for name in names])
    return place(torch.from_numpy(pictures), size), *tokenizer.batch(captions)


class EmojiBatches(Dataset):
    """Batch k of an endless stream: pictures (uint8), token ids and mask.

    A pass goes through all concepts in an order of its own, and no concept comes twice. left_out:
    artists of whom no picture is drawn; those whose licence forbids it are left out always. The
    concepts in HELD_OUT are left out, too.
    artists_each: how many artists draw each concept of a batch, which then holds so many fewer of
    them; where fewer have drawn it, some come again, changed in another way. Each picture has a
    caption of its own; from 2 on the batch says, as a fourth part, that all captions of a concept
    are true of all its pictures.
    augmentation: None for the pictures as they are, on white. languages: of the captions, see
    `clipbook.emoji.Captions`. multi_positive: also say which captions are true of other pictures
    of the batch: those whose every word, of name and keywords, belongs to them too.
    Raises ValueError for numbers that make no sense, a batch_size that is no multiple of
    artists_each, more artists_each than are left, and for no artists left.
    """

    def __init__(
        self,
        emoji: Emoji,
        tokenizer: Tokenizer,
        batch_size: int = 256,
        image_size: int = 48,
        *,
        left_out: tuple[str, ...] = ("twemoji",),
        artists_each: int = 1,
        augmentation: Augmentation | None = DEFAULT,
        languages: tuple[str, ...] = ("en",),
        multi_positive: bool = False,
        seed: int = 0,
    ) -> None:
        self.multi_positive = true_or_false("multi_positive", multi_positive, False)
        self.emoji = emoji
        self.tokenizer = tokenizer
        if isinstance(left_out, str):
            raise ValueError(f"left_out={left_out!r} is one string; try ({left_out!r},)")
        self.left_out = tuple(ARTIST_NAMES[artist_number(artist)] for artist in left_out)
        trained = [a.name for a in ARTISTS if a.trained and a.name not in self.left_out]
        if not trained:
            raise ValueError(f"left_out={left_out} leaves no artist to learn from; leave out fewer")
        self.captions = Captions(emoji.concepts, languages)
        self.words = [{concept.name, *concept.keywords} for concept in emoji.concepts]
        held_out = {emoji.place(name) for name in HELD_OUT}
        self.rows_of: dict[int, list[int]] = {}
        for row in emoji.rows_of(*trained).tolist():
            concept = int(emoji.concept_of[row])
            if concept not in held_out:
                self.rows_of.setdefault(concept, []).append(row)
        self.places = sorted(self.rows_of)
        self.mirror = np.array([may_be_mirrored(concept) for concept in emoji.concepts])
        self.batch_size = whole_number("batch_size", batch_size, 256, most=len(self.places))
        self.artists_each = whole_number("artists_each", artists_each, 1, most=self.batch_size)
        if self.artists_each > len(trained):
            raise ValueError(
                f"artists_each={self.artists_each}, but {len(trained)} are left to learn from, "
                f"{', '.join(trained)}; try {len(trained)}"
            )
        if self.batch_size % self.artists_each:
            raise ValueError(
                f"batch_size={self.batch_size} is no multiple of artists_each="
                f"{self.artists_each}; try {self.batch_size // artists_each * artists_each}"
            )
        self.image_size = whole_number("image_size", image_size, 48)
        self.augmentation = checked_augmentation(augmentation)
        self.seed = whole_number("seed", seed, 0, least=0, most=LARGEST_SEED)

    def __getitem__(self, k: int) -> tuple[Tensor, ...]:
        each, count = self.artists_each, self.batch_size // self.artists_each
        epoch, part = divmod(k, len(self.places) // count)
        order = stream("order of emoji", self.seed, epoch).permutation(len(self.places))
        generator = stream("emoji", self.seed, k)
        distinct = [self.places[i] for i in order[part * count : (part + 1) * count]]
        concepts = [concept for concept in distinct for _ in range(each)]
        rows = [
            row
            for concept in distinct
            for row in np.resize(generator.permutation(self.rows_of[concept]), each).tolist()
        ]
        drawn = [self.captions.draw_with_words(concept, generator) for concept in concepts]
        pictures = self.emoji.pictures[rows]
        if self.augmentation is None:
            pictures = place(pictures, self.image_size)
        else:
            mirror = self.mirror[concepts]
            pictures = self.augmentation(pictures, self.image_size, generator, mirror)
        batch = pictures, *self.tokenizer.batch([caption for caption, _ in drawn])
        if not self.multi_positive and each == 1:
            return batch
        numbers = torch.tensor(concepts)
        true = numbers[:, None] == numbers
        if self.multi_positive:
            said = [set(words) for _, words in drawn]
            true |= torch.tensor([[words <= self.words[c] for words in said] for c in concepts])
        return *batch, true

    def identity(self) -> dict[str, object]:
        """All that decides the batches: pictures, captions, tokenizer, sizes, changes and seed."""
        concepts = repr([(c.name, c.keywords, c.group) for c in self.emoji.concepts])
        return {
            "kind": type(self).__name__,
            "pictures": digest([self.emoji.pictures, self.emoji.concept_of, self.emoji.artist_of]),
            "concepts": digest_of_text(concepts),
            "tokenizer": identify_tokenizer(self.tokenizer),
            "left_out": sorted(self.left_out),
            "languages": list(self.captions.languages),
            "multi_positive": self.multi_positive,
            "artists_each": self.artists_each,
            "batch_size": self.batch_size,
            "image_size": self.image_size,
            "augmentation": None if self.augmentation is None else asdict(self.augmentation),
            "seed": self.seed,
        }
