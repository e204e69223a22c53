"""Registries that turn often, and what must hold of every list of versions while they do (V3.1, V6.3).

Promises: pure, but for `turning`, which makes the operator's decisions one after the other.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, Sequence

from tests.scenarios.api.answers import Answer
from tests.scenarios.api.registries import Content
from tests.scenarios.api.world import World

LONG_AGO = "2024-01-01T00:00:00Z"
FIRST_HEIR = 10


def heirs(count: int) -> list[str]:
    return [f"v{number}" for number in range(FIRST_HEIR, FIRST_HEIR + count)]


def with_heirs(count: int) -> Content:
    """v1 is current, and so many prereleases are to follow it."""
    waiting = {each: {"status": "prerelease", "released_at": LONG_AGO} for each in heirs(count)}
    return {"versions": {"v1": {"status": "current", "released_at": LONG_AGO}, **waiting}}


async def turning(world: World, count: int) -> AsyncGenerator[str]:
    """The version that has just become the current one, again and again."""
    for heir in heirs(count):
        answer = await world.operate(f"{heir}/release", key=heir)
        assert answer.status == 200, answer.text
        yield heir


def lists_findings(answers: Sequence[Answer]) -> list[str]:
    """Each is one snapshot's: one current version, which is the default, and the tag of just this body."""
    told: list[str] = []
    seen: dict[tuple[object, object], list[object]] = {}
    for answer in answers:
        body, tag = answer.json, str(answer.header("ETag"))
        currents = [each["version_id"] for each in body["versions"] if each["status"] == "current"]
        if currents != [body["default_version"]]:
            told.append(f"current are {currents}, the default is {body['default_version']}")
        if tag.strip('"') != hashlib.sha256(answer.body).hexdigest()[:32]:
            told.append(f"{tag} is of another body")
        # What the read model adds may come a moment later; which versions there are may not.
        phases: list[object] = [(each["version_id"], each["status"]) for each in body["versions"]]
        if seen.setdefault((body["revision"], body["default_version"]), phases) != phases:
            told.append(f"two registries of revision {body['revision']}")
    return told
