"""The training chapter's own cells: a session that dies, and one that goes on from the Drive."""

import subprocess
import sys
import time
from pathlib import Path

import jupytext
import pytest

pytestmark = pytest.mark.slow

CHAPTER = Path(__file__).resolve().parents[1] / "book/pairs/training.py"
DRIVE = "/content/drive/MyDrive"
STEPS = 60
BEFORE = f"""
from dataclasses import replace
from clipbook.training import PRESETS, SceneBatches

recipe = PRESETS["cpu"]
training = replace(recipe.training, steps={STEPS}, warmup_steps=5, checkpoint_every=10)
PRESETS["cpu"] = replace(recipe, training=training, batch_size=8)
draw_batch = SceneBatches.__getitem__

def note_and_draw(self, k):  # in the process that draws
    with open("drawn.txt", "a") as file:
        print(k, file=file)
    return draw_batch(self, k)

SceneBatches.__getitem__ = note_and_draw
"""


def until_the_run(drive: Path) -> str:
    """The code of the chapter up to the cell that trains."""
    cells = [cell.source for cell in jupytext.read(CHAPTER).cells if cell.cell_type == "code"]
    last = next(k for k, source in enumerate(cells) if DRIVE in source)
    run = ["Path('drawn.txt').unlink()", cells[last]]
    code = "\n".join(["import sys", "from pathlib import Path", BEFORE, *cells[:last], *run])
    return code.replace(DRIVE, str(drive))


def test_a_new_session_goes_on_from_the_drive(tmp_path):
    session = [sys.executable, "-c", until_the_run(tmp_path)]
    there = tmp_path / "clip-book/training-cpu"
    first, began = subprocess.Popen(session, cwd=tmp_path), time.monotonic()
    while not list(there.glob("checkpoint-*")):
        assert first.poll() is None and time.monotonic() - began < 120, "nothing was saved"
        time.sleep(0.01)
    first.kill()
    assert first.wait() < 0, "it had ended before it could be killed"
    reached = max(int(one.name.removeprefix("checkpoint-")) for one in there.glob("checkpoint-*"))
    done = subprocess.run(session, cwd=tmp_path, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr[-2000:]
    assert f"\n{STEPS} steps of 8 pairs" in done.stdout
    assert set(map(int, (tmp_path / "drawn.txt").read_text().split())) == set(range(reached, STEPS))
