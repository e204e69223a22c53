"""What a process of ours asks of its operating system when it starts.

Promises: nothing here fails a start: what a system does not offer is left as it is.
"""

from __future__ import annotations

import ctypes
import gc
import resource
import sys

OPEN_FILES = 8_192
"""A put holds up to 64 files, a gateway hundreds of connections; some systems begin with 256."""
M_MMAP_THRESHOLD = -3  # malloc.h of glibc
MAPPED_FROM_BYTES = 1 << 20
"""Buffers from here on go back to the system when they are freed. Left to itself glibc raises this to 32 MiB
and keeps them: a gateway that took in 1 GiB stood at 242 MB instead of 183 (`bench/push.py`, same run)."""
GARBAGE_THRESHOLDS = (20_000, 20, 20)
"""New objects between two looks of Python's collector; 700 by default, but a request leaves almost none."""
SWITCH_S = 0.000_5
"""How long a thread that computes may keep the interpreter from the event loop; 5 ms by default, which each
request waited while a snapshot was built (V6.3a)."""


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


def favour_the_loop() -> None:
    """Called once a server has started. What stands then is there to stay, so the collector need not look at
    it: a look at all of it took 67 ms, in which nobody is answered."""
    sys.setswitchinterval(SWITCH_S)
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GARBAGE_THRESHOLDS)
