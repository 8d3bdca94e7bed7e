"""Pack a folder with pictures and a table of captions into shards, from a shell:

    python -m clipbook.training.pack my-pairs my-shards
    python -m clipbook.training.pack --index my-shards

The second makes the index of shards that other programs have written, in WebDataset's layout.
The first shuffles the pairs, since a table often holds all of one thing first, and a reader mixes
no more than its buffer holds. Either way each pair that can't be used is named and left out. Then:

    python -m clipbook.training --preset shapes --shards my-shards --out runs/mine
"""

import argparse
import sys

from clipbook.streams import stream
from clipbook.training.folder import read_pairs
from clipbook.training.packing import index_shards, pack_shards
from clipbook.training.shards import read_shards


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m clipbook.training.pack", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("folder", nargs="?", help="with captions.csv or captions.jsonl")
    parser.add_argument("shards", help="folder of the shards")
    parser.add_argument("--index", action="store_true", help="the shards are there already")
    parser.add_argument(
        "--pairs-each", type=int, default=1_000, help="in a shard; 1,000 by default"
    )
    asked = parser.parse_args(arguments)
    if asked.index == (asked.folder is not None):
        parser.error("give a folder of pairs and one for the shards, or --index and the latter")
    try:
        if asked.index:
            problems = index_shards(asked.shards)
        else:
            pairs, problems = read_pairs(asked.folder)
            order = stream("order of packed pairs").permutation(len(pairs))
            problems += pack_shards([pairs[k] for k in order], asked.shards, asked.pairs_each)
        shards, _ = read_shards(asked.shards)
    except (ValueError, OSError, ImportError) as error:
        print(error, file=sys.stderr)
        return 1
    for problem in problems:
        print(problem)
    print(f"{sum(shard.pairs for shard in shards):,} pairs in {len(shards):,} shards")
    return 0


if __name__ == "__main__":
    sys.exit(main())
