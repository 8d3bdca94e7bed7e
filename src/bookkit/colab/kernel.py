"""A Jupyter kernel with Colab's versions, in which the chapters are run as they stand here.

It is made once in _build, and again when these or the environment change. Unlike in the contract,
the package is the one of this checkout, where the set-up cell finds it, and what Colab lacks is
lent.
"""

import hashlib
import shutil
import sys
import sysconfig
from importlib.metadata import distributions
from pathlib import Path

from bookkit import BUILD, ROOT
from bookkit.colab import contract, image

NAME = "colab"


def key() -> str:
    """What the kernel depends on: the versions, and the environment that lends it the rest."""
    listed = ["pyproject.toml", "requirements.txt", "tools/clip/requirements.txt"]
    files = [image.HERE / "image.toml", *(ROOT / name for name in listed)]
    lent = sorted(f"{one.name} {one.version}" for one in distributions())
    here = "\n".join([sys.version, sys.prefix, str(ROOT), *lent])
    return hashlib.sha256(b"".join([here.encode(), *(p.read_bytes() for p in files)])).hexdigest()


def make(home: Path = BUILD / "colab-kernel") -> Path:
    """The folder to name in JUPYTER_PATH, so that Jupyter finds the kernel.

    Raises:
        subprocess.CalledProcessError: something cannot be installed; its stderr says why.
    """
    stamp = home / "key"
    if not stamp.exists() or stamp.read_text() != key():
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        own = contract.environment(NAME, home).folders[0]
        here = Path(sysconfig.get_path("purelib"))
        contract.Environment(NAME, (own, ROOT / "src", here)).fresh(home / "venv")
        stamp.write_text(key())
    return home / "venv/share/jupyter"
