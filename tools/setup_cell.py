# Set-up. On Colab this installs the book's package; where that is there already, it does nothing.
import importlib.util
import subprocess
import sys

REPOSITORY = "https://github.com/OWNER/clipbook"
if importlib.util.find_spec("clipbook") is None:
    if "/OWNER/" in REPOSITORY:
        raise RuntimeError("This copy has no address: run `make repository URL=...` in the book.")
    command = [sys.executable, "-m", "pip", "install", "--quiet", f"git+{REPOSITORY}"]
    if subprocess.run(command).returncode:
        raise RuntimeError(f"Cannot install clipbook from {REPOSITORY}: is the network there?")
    importlib.invalidate_caches()
