"""Load on a server from a process of its own, and the processors that the two stay on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace

from bench.gateway.generator import ANSWER_S_MAX, BEGAN, Outcome, Seen, Spec

WARM_UP_S = 2.0
WARM_UP_SHARE = 0.5
"""Of the rate, before anything is measured."""
START_S = 20.0


@dataclass(slots=True)
class Load:
    """A load under way; `outcome` waits for its end."""

    spec: Spec
    process: subprocess.Popen[str]

    def outcome(self) -> Outcome:
        text, _ = self.process.communicate(timeout=self.spec.seconds + ANSWER_S_MAX + START_S)
        said = json.loads(text.splitlines()[-1])
        return Outcome(**{**said, "seen": [Seen(**each) for each in said["seen"]]})


@contextmanager
def load(spec: Spec) -> Generator[Load]:
    """Has begun when this is entered."""
    command = (sys.executable, "-m", "bench.gateway.generator")
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(asdict(spec)) + "\n")
        process.stdin.flush()
        assert process.stdout.readline().strip() == BEGAN, "the generator did not begin"
        yield Load(spec, process)
    finally:
        process.kill()
        process.wait()


def run(spec: Spec) -> Outcome:
    with load(spec) as under_way:
        return under_way.outcome()


def warm(spec: Spec) -> None:
    """Code paths, connections and caches, before anything is measured."""
    run(replace(spec, rate=spec.rate * WARM_UP_SHARE, seconds=WARM_UP_S))


def request(path: str, key: str | None = None, version: str | None = "v2") -> str:
    """A GET's head, with the full negotiation."""
    lines = [f"GET {path} HTTP/1.1", "Host: 127.0.0.1", "Accept: application/json"]
    lines += [] if version is None else [f"X-API-Version: {version}"]
    lines += [] if key is None else [f"X-API-Key: {key}"]
    return "\r\n".join([*lines, "", ""])


@dataclass(frozen=True, slots=True)
class Cores:
    """One for the server and one for the generator, where the system has two and lets us choose."""

    server: int | None
    generator: int | None


def cores() -> Cores:
    if not hasattr(os, "sched_getaffinity"):
        return Cores(None, None)
    own = sorted(os.sched_getaffinity(0))
    return Cores(own[0], own[1]) if len(own) > 1 else Cores(None, None)


def pin(pids: Sequence[int]) -> None:
    """Their main threads, which are their event loops; other threads go where they like."""
    core = cores().server
    if core is not None:
        for pid in pids:
            os.sched_setaffinity(pid, {core})
