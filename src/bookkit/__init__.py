"""What makes the book of its sources: chapters' facts and notebooks, the site, Colab, courses.

It is no part of the package that readers install. Imports point one way here, too:
`chapters` → `notebooks` → `pages`, `colab` → `course`; tests/test_imports.py holds that.
"""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]  # of the repository
BOOK = ROOT / "book"
BUILD = ROOT / "_build"
