"""A tiny training run that a test may kill, in a process of its own.

python -m tests.training.killed is not meant to be called by hand: see test_killed.py.
"""

import os
import signal
import sys
from pathlib import Path

import torch
import torch._dynamo  # an optimiser imports it when it is first used: slower than the whole run

from clipbook.pairs import save_model
from clipbook.pairs.saving import write_tensors
from clipbook.training import TrainingConfig, checkpoints, train
from tests import tiny

CONFIG = TrainingConfig(steps=48, warmup_steps=4, checkpoint_every=2, snapshots=4)
tiny.tokenizer()  # once, for all the processes that are forked from one that has imported this


def run(out: str, folder: str | None, workers: int, kill_at_line: int | None = None) -> None:
    """Train and write the weights to `out`; with kill_at_line, die at that line of saving."""
    os.setsid()  # a group of its own, which can be killed as a whole
    torch.set_num_threads(1)
    if kill_at_line is not None:
        die_at_line(kill_at_line)
    model = tiny.clip()
    example = tiny.batches(seed=9)[0]
    train(
        model, tiny.batches(), CONFIG, example=example, folder=folder, device="cpu",
        workers=workers, progress=False,
    )  # fmt: skip
    save_model(model, Path(out))


def die_at_line(number: int) -> None:
    """Kill this process, with no chance to tidy up, before the number-th new line that saves."""
    of_saving = [checkpoints.save, checkpoints._remove, checkpoints._is_abandoned, write_tensors]
    watched = {function.__code__ for function in of_saving}
    for function in of_saving:  # where jaxtyping's hook has wrapped them
        while hasattr(function, "__wrapped__"):
            function = function.__wrapped__
            watched.add(function.__code__)
    seen = set()

    def trace(frame, event, argument):
        if frame.f_code not in watched:
            return None
        if event == "line":
            seen.add((frame.f_code, frame.f_lineno))
            if len(seen) == number:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace

    sys.settrace(trace)
