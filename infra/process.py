"""What a process of ours asks of its operating system when it starts.

Promises: nothing here fails a start: what a system does not offer is left as it is.
"""

from __future__ import annotations

import ctypes
import resource
import sys

OPEN_FILES = 8_192
"""A put holds up to 64 files, a gateway hundreds of connections; some systems begin with 256."""
M_MMAP_THRESHOLD = -3  # malloc.h of glibc
MAPPED_FROM_BYTES = 1 << 20
"""Buffers from here on go back to the system when they are freed. Left to itself glibc raises this to 32 MiB
and keeps them: a gateway that took in 1 GiB stood at 242 MB instead of 183 (`bench/push.py`, same run)."""


def settle_in() -> None:
    """Room for files and connections, and memory that is given back."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:
            mallopt(M_MMAP_THRESHOLD, MAPPED_FROM_BYTES)
