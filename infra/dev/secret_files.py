"""Generated passwords: one file each, readable by their owner alone.

Promises: a password is made once, on the first start, and never leaves its file but to be used (I9).
"""

from __future__ import annotations

import os
from pathlib import Path

from domain.ports import Ids

PASSWORD_BYTES = 24


def kept_password(file: Path, ids: Ids) -> str:
    """The password in the file, made now if there is none."""
    if not file.exists():
        write_private(file, ids.token(PASSWORD_BYTES).hex())
    return file.read_text()


def write_private(file: Path, text: str) -> None:
    """Replace the file by one of mode 0600, in one step."""
    fresh = file.with_name(file.name + ".new")
    fresh.unlink(missing_ok=True)
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    fresh.replace(file)
