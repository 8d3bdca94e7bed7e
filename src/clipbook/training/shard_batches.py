"""Batches from shards, for one process or several; see `clipbook.training.shards`.

Built in: book/scale/many-machines.
"""

import json
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import islice
from random import Random
from typing import Any

from PIL import Image
from torch.utils.data import Dataset

from clipbook.image import Augmentation
from clipbook.image.augmentation import checked_augmentation
from clipbook.image.preprocessing import FITS
from clipbook.streams import stream
from clipbook.text import Tokenizer
from clipbook.training import processes
from clipbook.training.data import Batch
from clipbook.training.folder import squares
from clipbook.training.identity import digest_of_text, identify_tokenizer
from clipbook.training.shards import (
    INDEX,
    Sample,
    Shard,
    check_shards,
    picture_and_caption,
    usable,
    webdataset,
)
from clipbook.validation import LARGEST_SEED, one_of, whole_number


class ShardBatches(Dataset):
    """Batch k of an endless stream of the pairs in shards: pictures (uint8), token ids and mask.

    In every pass the shards come in another order, made from the seed and the number of the pass,
    and their pairs go through a buffer that is shuffled: each place that a pair leaves is taken by
    the next one of the file. Where torchrun has started M processes, each takes every M-th shard of
    that order and makes its own share of a batch, so no pair is shown twice in a pass. Pairs at
    the end of a pass that don't fill a batch in every process are left out of it; with as many
    shards as processes, or a multiple, of equal size, that is less than a batch.

    Batch k depends on the seed, the buffer and the number of processes alone. So a run that goes on
    repeats no pair and loses none: what it had seen of a pass is read again, but not decoded, which
    is fast. Reading in order is, too; for batches in another order each may read a pass from its
    beginning.
    shards: of `read_shards`. batch_size: pairs of all processes together. buffer: how many pairs
    wait in memory, as they are in the file. augmentation, fit: see
    `clipbook.training.FolderBatches`. Raises ValueError for what `read_shards` does not give first,
    and for batches that the shards and the processes can't fill.
    """

    _samples: Iterator[Sample]  # of the pass that is being read,
    _epoch: int  # its number,
    _next: int  # and the place in it of the batch that comes next
    shared = True  # what a process makes is its share: `clipbook.training.train` takes all of it

    def __init__(
        self,
        shards: Sequence[Shard],
        tokenizer: Tokenizer,
        batch_size: int = 128,
        image_size: int = 32,
        *,
        augmentation: Augmentation | None = None,
        fit: str = "crop",
        seed: int = 0,
        buffer: int = 1_000,
    ) -> None:
        check_shards(shards)
        self.shards = list(shards)
        self.tokenizer = tokenizer
        self.batch_size = whole_number("batch_size", batch_size, 64)
        self.image_size = whole_number("image_size", image_size, 32)
        self.augmentation = checked_augmentation(augmentation)
        self.fit = fit
        one_of("fit", fit, FITS)
        self.seed = whole_number("seed", seed, 0, least=0, most=LARGEST_SEED)
        self.buffer = whole_number("buffer", buffer, 1_000)
        self.processes, self.number = processes.count(), processes.number()
        if self.batch_size % self.processes:
            raise ValueError(
                f"a batch of {batch_size} pairs can't be shared by {self.processes} processes; "
                f"make its size a multiple of {self.processes}"
            )
        self.share = self.batch_size // self.processes
        each = len(self.shards) // self.processes
        worst = sum(sorted(shard.pairs for shard in self.shards)[:each])  # a process may get those
        if worst < self.share:
            raise ValueError(
                f"batch_size={batch_size}, of which each of {self.processes} processes makes "
                f"{self.share} pairs, but a process may get shards with {worst} pairs only; make "
                "the batch smaller, or more shards of equal size"
            )
        self._starts = [0]  # of each pass so far, and of the next: the number of its first batch
        self._forget()

    def __getitem__(self, k: int) -> Batch:
        while self._starts[-1] <= k:
            self._starts.append(self._starts[-1] + self._batches_in(len(self._starts) - 1))
        epoch = bisect_right(self._starts, k) - 1
        place = k - self._starts[epoch]
        if epoch != self._epoch or place < self._next:
            self._samples, self._epoch, self._next = self._pass(epoch), epoch, 0
        first = (place - self._next) * self.share
        try:
            mine = list(islice(self._samples, first, first + self.share))
        except ValueError:  # a shard that broke; asked again, it says so again
            self._forget()
            raise
        self._next = place + 1
        if len(mine) < self.share:
            self._forget()
            raise ValueError(
                f"pass {epoch} ends before batch {k}, though {INDEX} counts more pairs; make it "
                f"anew: python -m clipbook.training.pack --index {self.shards[0].path.parent}"
            )
        images, captions = zip(*map(self._decoded, mine), strict=True)
        pictures = squares(images, self.image_size, self.fit)
        if self.augmentation:
            draw = stream("changes of shards", self.seed, k * self.processes + self.number)
            pictures = self.augmentation(pictures, self.image_size, draw)
        return pictures, *self.tokenizer.batch(captions)

    def _forget(self) -> None:
        self._samples, self._epoch, self._next = iter(()), -1, 0

    def _order(self, epoch: int) -> list[list[Shard]]:
        """The shards of each process in that pass."""
        draw = stream("order of own shards", self.seed, epoch).permutation(len(self.shards))
        return [[self.shards[i] for i in draw[n :: self.processes]] for n in range(self.processes)]

    def _batches_in(self, epoch: int) -> int:
        """As many as the process with the fewest pairs can make."""
        pairs = [sum(shard.pairs for shard in own) for own in self._order(epoch)]
        return min(pairs) // self.share

    def _pass(self, epoch: int) -> Iterator[Sample]:
        """This process's samples of a pass, shuffled in a buffer, still as the file has them."""
        own = self._order(epoch)[self.number]
        in_order = (sample for shard in own for sample in usable(shard))
        draw = stream("buffer of own shards", self.seed, epoch * self.processes + self.number)
        rng = Random(int(draw.integers(2**62)))
        return iter(
            webdataset("filters").shuffle(self.buffer, initial=self.buffer, rng=rng)(in_order)
        )

    def _decoded(self, sample: Sample) -> tuple[Image.Image, str]:
        try:
            return picture_and_caption(sample)
        except ValueError as error:
            self._forget()
            raise ValueError(
                f"{sample['__url__']}, {sample['__key__']}: {error}; it could be read when {INDEX} "
                "was made: make that anew, python -m clipbook.training.pack --index "
                f"{self.shards[0].path.parent}"
            ) from error

    def __getstate__(self) -> dict[str, Any]:
        """Without the open file: a process that makes batches opens its own."""
        return {**vars(self), "_samples": iter(()), "_epoch": -1}

    def identity(self) -> dict[str, object]:
        """All that decides the batches, save the number of processes, which the run says: the
        shards' bytes as they were when the index was made, what is left out, tokenizer, sizes,
        seed, buffer and augmentation. Not their place: a folder may move, to another machine too.
        """
        known = [(shard.digest, sorted(shard.left_out)) for shard in self.shards]
        changes = self.augmentation
        return {
            "kind": type(self).__name__,
            "shards": digest_of_text(json.dumps(known)),
            "tokenizer": identify_tokenizer(self.tokenizer),
            "batch_size": self.batch_size,
            "image_size": self.image_size,
            "seed": self.seed,
            "buffer": self.buffer,
            "augmentation": None if changes is None else asdict(changes),
            **({} if self.fit == "crop" else {"fit": self.fit}),
        }
