"""Name the submissions that a person should look at: python look.py <assignment>

Run it after `nbgrader autograde`. It grades nothing. It says which submissions were not graded,
which had to be mended before they could be, which ran out of time, and whose own code reaches for
files, processes or the checks themselves. No remark means that none of this was found, no more.
"""

import re
import sys
from collections import Counter
from pathlib import Path

import nbformat

COURSE = Path(__file__).resolve().parent
REACHES = re.compile(
    r"\b(?:open|exec|eval|__import__|globals|setattr)\(|\b(?:os|sys|subprocess|shutil|pathlib|glob|"
    r"socket|urllib|requests|inspect|gc)\b|\bCheckFailed\b|clipbook\.exercises\.\w+\s*=|"
    r"\b(?:check|close)\s*=[^=]|def (?:check|close)\b|^\s*[!%]",
    re.M,
)


def grade_id(cell) -> str | None:
    return cell.metadata.get("nbgrader", {}).get("grade_id")


def locked_cells(notebook) -> dict:
    checks = [cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("grade")]
    return {grade_id(cell): cell for cell in checks}


def remarks(submitted: Path, autograded: Path, released) -> list[str]:
    """What is to be said of one submission, given the paths of its notebook before and after."""
    found = [] if autograded.exists() else ["NOT GRADED"]
    try:
        notebook = nbformat.read(submitted, 4)
        seen = Counter(grade_id(cell) for cell in notebook.cells)
    except Exception as error:  # whatever a student has put there
        return [*found, f"not a notebook that can be read ({type(error).__name__})"]
    for name, check in locked_cells(released).items():
        here = [cell for cell in notebook.cells if grade_id(cell) == name]
        if not here:
            found.append(f"{name} deleted")
        elif here[-1].cell_type != check.cell_type:
            found.append(f"{name} turned into {here[-1].cell_type}")
        elif here[-1].source.strip() != check.source.strip():
            found.append(f"{name} changed")
    found += [f"{name} {n} times" for name, n in seen.items() if name and n > 1]
    given = {cell.source.strip() for cell in released.cells}
    own = "\n".join(
        cell.source
        for cell in notebook.cells
        if cell.cell_type == "code" and cell.source.strip() not in given
    )
    own = own.replace("raise NotImplementedError()", "")
    if words := sorted({match[0].strip() for match in REACHES.finditer(own)}):
        found.append(f"read its code: {' '.join(words)}")
    if autograded.exists() and "CellTimeoutError" in autograded.read_text("utf-8"):
        found.append("ran out of time")
    return found


def main() -> None:
    names = sorted(path.name for path in (COURSE / "release").glob("*"))
    if len(sys.argv) != 2 or sys.argv[1] not in names:
        sys.exit(f"usage: python look.py <assignment>, one of: {', '.join(names)}")
    assignment = sys.argv[1]
    for release in sorted((COURSE / "release" / assignment).glob("*.ipynb")):
        released = nbformat.read(release, 4)
        for folder in sorted((COURSE / "submitted").glob(f"*/{assignment}")):
            student, submitted = folder.parent.name, folder / release.name
            autograded = COURSE / "autograded" / student / assignment / release.name
            said = remarks(submitted, autograded, released)
            if said:
                print(f"{student}: {'; '.join(said)}")


if __name__ == "__main__":
    main()
