"""nbgrader's configuration of this course, written by `make assignment`; change what you like."""

import os
import sys
from pathlib import Path

from nbgrader.preprocessors import (
    CheckCellMetadata,
    ClearOutput,
    DeduplicateIds,
    OverwriteCells,
    OverwriteKernelspec,
)

COURSE = Path(__file__).resolve().parent
SECONDS_A_CELL = 60  # longer cells are interrupted and earn nothing

os.environ["PATH"] = str(Path(sys.executable).parent) + os.pathsep + os.environ["PATH"]  # alembic
# The kernel in this folder is Python with limits of memory, time and file size: see limits.py.
os.environ["JUPYTER_PATH"] = str(COURSE / "jupyter")


class ForgetCopies(DeduplicateIds):
    """Where a student has copied a cell, the last one counts, and the others are plain cells.

    nbgrader leaves an empty mark on the others, and stumbles over it.
    """

    def preprocess_cell(self, cell, resources, cell_index):
        cell, resources = super().preprocess_cell(cell, resources, cell_index)
        if not cell.metadata.get("nbgrader", {}).get("grade_id"):
            cell.metadata.pop("nbgrader", None)
        return cell, resources


c = get_config()  # type: ignore[name-defined]  # nbgrader defines it
c.CourseDirectory.root = str(COURSE)
c.CourseDirectory.course_id = "clipbook"
c.Execute.timeout = SECONDS_A_CELL
c.OverwriteCells.add_missing_cells = True  # a deleted check comes back
c.Autograde.sanitize_preprocessors = [
    ClearOutput,
    ForgetCopies,
    OverwriteKernelspec,
    OverwriteCells,
    CheckCellMetadata,
]
c.CheckCellMetadata.enabled = False  # Colab and deleted cells leave marks that it would refuse

# How learning platforms name what they let you download, and how a folder of files may be named:
#   Ada Lovelace_1815_assignsubmission_file_/contrastive-loss.ipynb    Moodle
#   lovelaceada_LATE_1815_90210_contrastive-loss-1.ipynb               Canvas
#   1815_contrastive-loss.ipynb                                        a folder of files
NOTEBOOKS = sorted((p.stem for p in COURSE.glob("source/*/*.ipynb")), key=len, reverse=True)
c.FileNameCollectorPlugin.named_regexp = (
    r"(?:.*/)?(?:[^/]*?_)?(?:LATE_)?(?P<student_id>(?:[^\W_]|[.@+-])+)_"
    r"(?:assignsubmission_file_/?|\d+_)?[^/]*?"
    rf"(?P<file_id>{'|'.join(NOTEBOOKS)})[^/]*\.ipynb$"
)
