"""Environments of their own that have the package as a wheel and borrow what is installed here.

So torch, several hundred megabytes, is installed once.
"""

import os
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PIP = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]


def make_environment(home: Path, others: Sequence[str] = (), kernel: str = "python3") -> Path:
    """Python of a new environment in `home` with the wheel, a Jupyter kernel, and `others`.

    Others are requirements that it gets beside, or in another version than, what it borrows; what
    they need is borrowed, or listed too. Its .pth file lends it the packages of this environment,
    after its own. What an editable install leaves there is a .pth file of its own, which Python
    reads only in an environment's own folder.
    Raises subprocess.CalledProcessError, with what pip said, where something cannot be installed.
    """
    build = [*PIP, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", home, ROOT]
    subprocess.run(build, check=True)
    (wheel,) = home.glob("*.whl")
    venv.create(home / "venv", with_pip=False)
    python = home / "venv/bin/python"
    install = [*PIP, "--python", python, "install", "--no-deps", wheel, *others]
    subprocess.run(install, check=True, capture_output=True, text=True)
    ask = [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    packages = subprocess.run(ask, check=True, capture_output=True, text=True).stdout.strip()
    (Path(packages) / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n")
    register = [python, "-m", "ipykernel", "install", "--sys-prefix", "--name", kernel]
    subprocess.run(register, check=True, capture_output=True)
    return python


def clean_environment() -> dict[str, str]:
    """The environment's variables without those that lead Python back to this environment."""
    return {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}


def run(python: Path, *arguments, cwd: Path) -> subprocess.CompletedProcess:
    """Run Python of another environment, as a reader would."""
    command = [python, *arguments]
    return subprocess.run(command, cwd=cwd, env=clean_environment(), capture_output=True, text=True)
