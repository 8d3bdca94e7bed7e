"""A Python kernel that can't take the machine with it. nbgrader runs every submission in one.

It begins in an empty folder with nothing beside it. This is no sandbox: the code may read
what you may read, write where you may write, and use the network. Linux keeps all three limits;
macOS not the memory.
"""

import os
import resource
import runpy
import signal
import tempfile

MEMORY = 4 * 2**30  # bytes
FILE = 100 * 2**20  # bytes, the largest file that can be written
SECONDS = 900  # for a whole submission

if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE, FILE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.alarm(SECONDS)
    for name in ("PWD", "OLDPWD"):  # they would lead to the course
        os.environ.pop(name, None)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with tempfile.TemporaryDirectory(prefix="submission-", ignore_cleanup_errors=True) as folder:
        inside = os.path.join(folder, "submission")
        os.mkdir(inside)
        os.chdir(inside)
        runpy.run_module("ipykernel_launcher", run_name="__main__", alter_sys=True)
