# Set-up. On Colab this installs the book's package; where that is there already, it does nothing.
import importlib.util
import subprocess
import sys

PACKAGE = "git+https://github.com/OWNER/clipbook"
if importlib.util.find_spec("clipbook") is None:
    if "/OWNER/" in PACKAGE:
        raise RuntimeError("This copy has no address: run `make repository URL=...` in the book.")
    command = [sys.executable, "-m", "pip", "install", PACKAGE]
    if subprocess.run(command, capture_output=True).returncode:
        raise RuntimeError(f"Cannot install clipbook: no network? See: !pip install {PACKAGE}")
    importlib.invalidate_caches()
    torch = importlib.import_module("torch")
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else ""
    print(f"GPU: {gpu}" if gpu else "No GPU, so slower; Runtime > Change runtime type offers one.")
