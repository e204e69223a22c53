"""V4.2i: how long it takes to look up a key that is unknown, revoked or valid.

The look-up itself is measured in this process, on the directory that the gateway folds. What a caller sees is
measured on the wire, for the two that answer alike: who guesses must not learn that a key once was valid.
"""

from __future__ import annotations

import http.client
import time
from collections.abc import Iterator, Sequence
from itertools import count
from statistics import median

from bench.gateway.world import CONSUMER, Process, World, world
from bench.row import Row
from domain.consumer import ApiKeyIssued, ApiKeyRevoked, consumer_id
from domain.ids import KeyId
from gateway.auth import KeyDigests, key_text, known_caller
from gateway.caller import Directory
from infra.dev.laptop import LOOPBACK

KEYS, ROUNDS, ASKED = 1_000, 400, 300
DIFFERENCE_MAX = 0.10
PEPPER = bytes(range(32))
Keys = dict[str, str]


def v4_2i() -> Iterator[Row]:
    took = look_ups()
    yield _row("V4.2i: p50 of the look-up", took, "us", 1e6)
    with world() as w:
        yield _row("V4.2i: p50 of the 401 on the wire", answers(w), "ms", 1e3)


def _row(what: str, took_s: dict[str, float], unit: str, scale: float) -> Row:
    shown = ", ".join(f"{name} {seconds * scale:.2f} {unit}" for name, seconds in took_s.items())
    difference = max(took_s.values()) / min(took_s.values()) - 1
    reach = f"within {DIFFERENCE_MAX:.0%}"
    return Row(what, shown, f"difference {difference:.1%}", None, reach, difference < DIFFERENCE_MAX)


# ------------------------------------------------------------------ the look-up
def look_ups() -> dict[str, float]:
    """Rounds of many look-ups in turn, so that what else the machine does hits all alike."""
    digests, directory, keys = KeyDigests(PEPPER), Directory(), _folded()
    for number, text in enumerate(keys["known"]):
        _issue(directory, number, digests.of(text))
    for number in range(KEYS, 2 * KEYS):
        revoked = ApiKeyRevoked(
            consumer=consumer_id(CONSUMER), key_id=KeyId(f"{number:032x}"), reason="bench"
        )
        directory.fold(revoked)
    by_name = {"valid": keys["known"][:KEYS], "revoked": keys["known"][KEYS:], "unknown": keys["unknown"]}
    took: dict[str, list[float]] = {name: [] for name in by_name}
    for _ in range(ROUNDS):
        for name, texts in by_name.items():
            took[name].append(_looked_up(directory, digests, texts))
    return {name: median(seconds) for name, seconds in took.items()}


def _folded() -> dict[str, list[str]]:
    consumer = consumer_id(CONSUMER)
    texts = [key_text(consumer, number.to_bytes(32, "big")) for number in range(3 * KEYS)]
    return {"known": texts[: 2 * KEYS], "unknown": texts[2 * KEYS :]}


def _issue(directory: Directory, number: int, digest: bytes) -> None:
    directory.fold(
        ApiKeyIssued(
            consumer=consumer_id(CONSUMER),
            name=CONSUMER,
            key_id=KeyId(f"{number:032x}"),
            digest=digest,
            scopes=("read",),
            repos=None,
        )
    )


def _looked_up(directory: Directory, digests: KeyDigests, texts: Sequence[str]) -> float:
    """Seconds a key."""
    shown = [{"x-api-key": text} for text in texts]
    began = time.perf_counter()
    for headers in shown:
        known_caller(directory, digests, None, headers)
    return (time.perf_counter() - began) / len(shown)


# ------------------------------------------------------------------ on the wire
def answers(w: World) -> dict[str, float]:
    """From many addresses, because the eleventh guess from one is answered 429 (R30)."""
    process = w.gateway({"DITS_TRUSTED_PROXIES": "127.0.0.0/8"})
    consumer, _, secret = w.owner.removeprefix("dits_").partition("_")
    unknown = f"dits_{consumer}_{secret[::-1]}"
    keys = {"revoked": _revoked(w), "unknown": unknown}
    took: dict[str, list[float]] = {name: [] for name in keys}
    numbers = count(1)
    for _ in range(ASKED):
        for name, key in keys.items():
            took[name].append(_refused(process, key, next(numbers)))
    return {name: median(seconds) for name, seconds in took.items()}


def _revoked(w: World) -> str:
    with w.client_of_first() as client:
        issued = client.keys.issue(CONSUMER, ("read",))
        client.keys.revoke(issued.consumer, issued.key_id, reason="bench")
    assert issued.key is not None
    return issued.key


def _refused(process: Process, key: str, number: int) -> float:
    """On a connection of its own, counted from when that stands."""
    connection = http.client.HTTPConnection(LOOPBACK, process.port, timeout=10)
    connection.connect()
    try:
        began = time.perf_counter()
        address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
        connection.request("GET", "/versions", headers={"X-API-Key": key, "X-Forwarded-For": address})
        answer = connection.getresponse()
        answer.read()
        assert answer.status == http.client.UNAUTHORIZED, answer.status
        return time.perf_counter() - began
    finally:
        connection.close()
