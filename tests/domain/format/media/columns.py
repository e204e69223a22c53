"""What tests ask of a movie that was read: its samples' places, and that its columns agree."""

from __future__ import annotations

from itertools import accumulate, chain, pairwise

from domain.format.media.movie import Movie, Samples
from domain.format.media.reading import read_movie
from domain.format.media.source import BytesSource


def read(content: bytes) -> Movie:
    movie = read_movie(BytesSource(content))
    assert movie is not None
    return movie


def messages(content: bytes) -> list[str]:
    return [issue.message for issue in read(content).issues]


def samples_of(content: bytes, number: int = 0) -> tuple[bytes, ...]:
    """The bytes of each sample of a track, where its columns say that they lie."""
    samples = read(content).tracks[number].samples
    sizes = [samples.uniform_bytes] * samples.count if samples.uniform_bytes else list(samples.sizes)
    found: list[bytes] = []
    for at, count in zip(samples.chunk_offsets, samples.chunk_counts, strict=True):
        here = sizes[len(found) : len(found) + count]
        starts = accumulate(here[:-1], initial=at)
        found += [content[start : start + size] for start, size in zip(starts, here, strict=True)]
    return tuple(found)


def are_agreed(samples: Samples) -> bool:
    """As many places, sizes and times as samples; what decoding can begin at is among them."""
    sync = chain((-1,), samples.sync or (), (samples.count,))
    times = [spells for spells in (samples.durations, samples.shifts) if spells]
    return (
        sum(samples.chunk_counts) == samples.count
        and len(samples.chunk_counts) == len(samples.chunk_offsets)
        and len(samples.sizes) == (0 if samples.uniform_bytes else samples.count)
        and all(sum(spell.count for spell in spells) == samples.count for spells in times)
        and all(a < b for a, b in pairwise(sync))
    )
