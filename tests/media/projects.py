"""Gzip'd projects of some size, and what a save of them changes."""

from __future__ import annotations

import gzip
from random import Random

CLIPS = 16_000


def clips(seed: int) -> list[str]:
    chance = Random(seed)
    return [f'<Clip ObjectID="{i}" In="{chance.randrange(10**12)}"/>\n' for i in range(CLIPS)]


def saved(lines: list[str]) -> bytes:
    """As Premiere would: XML through zlib at level 6."""
    project = f'<Project Version="42"/>\n{"".join(lines)}'
    return gzip.compress(f'<PremiereData Version="3">\n{project}</PremiereData>\n'.encode(), 6, mtime=0)


def edited(lines: list[str], seed: int) -> list[str]:
    """With a few clips more, in one place."""
    at = Random(seed).randrange(len(lines))
    return [*lines[:at], *(f'<Clip ObjectID="{CLIPS + i}"/>\n' for i in range(5)), *lines[at:]]
