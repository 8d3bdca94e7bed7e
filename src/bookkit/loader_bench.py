"""Samples a second and memory of pairs of one's own: out of a folder, and out of shards.

    python -m bookkit.loader_bench

Scenes of 64 px as PNG files with a table of captions, and the same packed; ten times as many of
each are the same files under other names. Each measurement is a process of its own, one thread,
without a worker, and reads a whole pass. Seconds are a processor's, so what is waited for the disk
is left out. Memory is the most that the process had beyond what it held before it looked at the
pairs. The table goes into the package, pretrained/scale/loaders.json; the chapter on many machines
reads it. Needs Linux, for /proc.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

from bookkit import ROOT
from clipbook.scenes import render, sample_pairs
from clipbook.streams import stream
from clipbook.training import FolderBatches, ShardBatches, pack_shards, read_pairs, read_shards
from clipbook.training.data import train_tokenizer
from clipbook.training.shards import INDEX

PAIRS, COPIES, BATCH, SIZE = 10_000, 10, 100, 64
TARGET = ROOT / "src/clipbook/pretrained/scale/loaders.json"


def make(home: Path) -> None:
    """home/folder/1 and home/shards/1 with PAIRS pairs, and beside them ten times as many."""
    folder = home / "folder/1"
    folder.mkdir(parents=True)
    scenes, captions = sample_pairs(PAIRS, stream("loader bench"), distinct=False)
    for k, scene in enumerate(scenes):
        render(scene, SIZE).save(folder / f"{k}.png")
    write_table(folder, captions)
    pack_shards(read_pairs(folder)[0], home / "shards/1")
    many, shards = home / f"folder/{COPIES}", home / f"shards/{COPIES}"
    many.mkdir()
    shards.mkdir()
    for k in range(PAIRS * COPIES):
        os.link(folder / f"{k % PAIRS}.png", many / f"{k}.png")
    write_table(many, captions * COPIES)
    index = json.loads((home / "shards/1" / INDEX).read_text("utf-8"))
    listed = {}
    for name, about in index["shards"].items():
        for copy in range(COPIES):
            listed[f"{copy}-{name}"] = about
            shutil.copyfile(home / "shards/1" / name, shards / f"{copy}-{name}")
    (shards / INDEX).write_text(json.dumps(index | {"shards": listed}), "utf-8")


def write_table(folder: Path, captions: list[str]) -> None:
    rows = [{"picture": f"{k}.png", "caption": f"{text} {k}"} for k, text in enumerate(captions)]
    (folder / "captions.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")


def resident() -> float:
    """What this process has in memory now, in MB."""
    pages = Path("/proc/self/statm").read_text("utf-8").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE") / 1e6


def measure(kind: str, folder: Path) -> dict[str, float]:
    """A whole pass, in this process."""
    torch.set_num_threads(1)
    tokenizer = train_tokenizer()
    batches: FolderBatches | ShardBatches
    most = before = resident()
    began = time.process_time()
    if kind == "folder":
        pairs, _ = read_pairs(folder)
        batches, count = FolderBatches(pairs, tokenizer, BATCH), len(pairs)
    else:
        shards, _ = read_shards(folder)
        batches, count = ShardBatches(shards, tokenizer, BATCH), sum(one.pairs for one in shards)
    opened = time.process_time()
    for k in range(count // BATCH):
        batches[k]
        most = max(most, resident())
    read = time.process_time()
    return {
        "pairs a second": count / (read - opened),
        "MB": most - before,
        "seconds to open": opened - began,
    }


def main(arguments: list[str]) -> int:
    if arguments[:1] == ["--one"]:
        print(json.dumps(measure(arguments[1], Path(arguments[2]))))
        return 0
    table: dict[str, dict[str, dict[str, float]]] = {}
    with tempfile.TemporaryDirectory() as home:
        make(Path(home))
        for kind in ("folder", "shards"):
            for times in (1, COPIES):
                folder = Path(home, kind, str(times))
                command = [sys.executable, "-m", "bookkit.loader_bench", "--one", kind, str(folder)]
                done = subprocess.run(command, check=True, capture_output=True, text=True)
                found = {k: float(f"{v:.4g}") for k, v in json.loads(done.stdout).items()}
                table.setdefault(kind, {})[str(PAIRS * times)] = found
                print(f"{kind:6} {PAIRS * times:7,} pairs: {json.dumps(found)}", flush=True)
    TARGET.write_text(json.dumps(table, indent=1) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
