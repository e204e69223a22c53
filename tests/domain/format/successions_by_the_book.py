"""Successions written a second time, from docs/formats.md alone, without a line of domain/format.

It made the vectors: ``python -m tests.domain.format.successions_by_the_book``.
"""

from __future__ import annotations

import json
from typing import Any

from blake3 import blake3

from tests.domain.format.by_the_book import VECTORS, digest, sealed


def encoded(old: str, new: str) -> bytes:
    return sealed(b"DITS", bytes.fromhex(old) + bytes.fromhex(new))


def named(why: str, old: str, new: str) -> dict[str, Any]:
    whole = encoded(old, new)
    fields = {"old": old, "new": new}
    return {"why": why, "fields": fields, "encoded": whole.hex(), "name": blake3(whole).hexdigest()}


def successions() -> list[dict[str, Any]]:
    return [
        named("one for another", digest("old"), digest("new")),
        named("the least and the greatest", "00" * 32, "ff" * 32),
    ]


def text() -> str:
    return json.dumps(successions(), indent=1) + "\n"


if __name__ == "__main__":
    VECTORS.joinpath("successions.json").write_text(text())
