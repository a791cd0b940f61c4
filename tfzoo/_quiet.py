"""Importing TensorFlow without its greeting."""

import contextlib
import glob
import os
import re
import sys
import tempfile
from collections.abc import Iterator

# INFO and WARNING lines of TensorFlow's C++ code, and the line that announces them.
_CHATTER = re.compile(
    rb"[IW]\d{4} |[-\d]+ .*: [IW] |WARNING: All log messages|To enable the following instructions"
)


@contextlib.contextmanager
def quiet_import() -> Iterator[None]:
    """Hides what TensorFlow's C++ code says of CPU features and absent GPUs while it is loaded.

    It writes this straight to the process's standard error before any level can be set. Everything
    else that is written there comes out at the end.
    """
    if "tensorflow" in sys.modules:
        yield
        return
    if not glob.glob("/dev/nvidia*"):
        # Without a GPU, the errors that it logs later on are about the GPU.
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        caught = tempfile.TemporaryFile()  # noqa: SIM115  closed below
        saved = os.dup(2)
    except OSError:  # there is no folder for it, or no standard error
        yield
        return
    with caught:
        os.dup2(caught.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(saved, 2)
            os.close(saved)
            caught.seek(0)
            for line in caught:
                if not _CHATTER.match(line):
                    os.write(2, line)
