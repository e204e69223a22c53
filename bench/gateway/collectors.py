"""V10.2a: spans and metrics go to a collector that refuses, or that takes the connection and says nothing."""

from __future__ import annotations

import socket
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from statistics import median

from bench.gateway.generator import Outcome, Spec
from bench.gateway.loading import cores, request, run, warm
from bench.gateway.world import Process, World, world
from bench.row import Row

RATE, SECONDS, ROUNDS = 1_000, 3.0, 5
"""The three processes are loaded in turn, so that what else the machine does hits all alike."""
CHANGE_MAX, STOP_S_MAX = 1.20, 5.0


def v10_2a() -> Iterator[Row]:
    with world() as w, refusing() as refuses, hanging() as hangs:
        processes = {
            "none": w.gateway(),
            "refuses": w.gateway(_sending_to(refuses)),
            "hangs": w.gateway(_sending_to(hangs)),
        }
        measured = _in_turn(w, processes)
        stopped = {name: process.stop() for name, process in processes.items()}
    calm = _p99(measured["none"])
    for name in ("refuses", "hangs"):
        outcomes, p99 = measured[name], _p99(measured[name])
        errors, ratio = sum(each.errors for each in outcomes), _p99(outcomes) / calm
        case = f"V10.2a: collector {name}, {RATE:,}/s"
        yield Row(f"{case}: errors", str(errors), "", None, "0", not errors)
        against, words = f"no collector {calm:.2f} ms", f"{p99:.2f} ms, median of {ROUNDS} rounds"
        yield Row(f"{case}: p99", words, against, ratio, "change < 20 %", ratio < CHANGE_MAX)
        seconds, limit = stopped[name], f"<= {STOP_S_MAX:.0f} s"
        against = f"no collector {stopped['none']:.1f} s"
        yield Row(f"{case}: stop", f"{seconds:.1f} s", against, None, limit, seconds <= STOP_S_MAX)


def _in_turn(w: World, processes: dict[str, Process]) -> dict[str, list[Outcome]]:
    spec = Spec((), request("/versions", w.key()), RATE, SECONDS, core=cores().generator)
    specs = {name: replace(spec, ports=(process.port,)) for name, process in processes.items()}
    for each in specs.values():
        warm(each)
    measured: dict[str, list[Outcome]] = {name: [] for name in specs}
    for _ in range(ROUNDS):
        for name, each in specs.items():
            measured[name].append(run(each))
    return measured


def _p99(outcomes: list[Outcome]) -> float:
    return median(each.p99 for each in outcomes)


def _sending_to(port: int) -> dict[str, str]:
    where = f"http://127.0.0.1:{port}/v1"
    return {"DITS_OTLP_TRACES_URL": f"{where}/traces", "DITS_OTLP_METRICS_URL": f"{where}/metrics"}


@contextmanager
def refusing() -> Generator[int]:
    """A port that is taken and on which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield int(taken.getsockname()[1])


@contextmanager
def hanging() -> Generator[int]:
    """A server that takes every connection and answers none."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listening:
        threading.Thread(target=_take, args=(listening,), daemon=True).start()
        yield int(listening.getsockname()[1])


def _take(listening: socket.socket) -> None:
    held: list[socket.socket] = []
    while True:
        try:
            held.append(listening.accept()[0])
        except OSError:
            return
