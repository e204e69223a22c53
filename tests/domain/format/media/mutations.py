"""Movies hit by chance: bytes flipped, numbers made extreme, fields swapped, ends cut off; for fuzzing.

Promises: what is hit is the structure (moov, moof, ftyp), as random bytes in mdat change nothing; a draw
shrinks to fewer hits.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from hypothesis import strategies as st

from domain.format.media.reading import read_movie
from domain.format.media.source import BytesSource
from tests.media import encodes
from tests.media.making import MadeTrack, clip, fragmented, marked, movie, song

EXTREMES = (0, 1, 2, 7, 8, 15, 16, 2**16, 2**31 - 1, 2**31, 2**32 - 1)
Hit = tuple[float, str, int]


def shifted() -> bytes:
    return movie(MadeTrack(marked(b"V", 10, 50), shifts=(0, 3, -2, *range(7)), edits=((10, -1), (50, 3))))


SEEDS: tuple[Callable[[], bytes], ...] = (
    encodes.fast_start,
    encodes.fragmented_mp4,
    encodes.mov,
    encodes.with_b_frames,
    shifted,
    lambda: movie(clip(), song(), fast_start=True, wide=True),
    lambda: fragmented(clip(), song()),
    lambda: fragmented(clip(), song(), base_is_offset=True),
)
HITS = st.lists(
    st.tuples(
        st.floats(0, 1, exclude_max=True),
        st.sampled_from(("byte", "extreme", "copy", "number")),
        st.integers(0, 2**32 - 1),
    ),
    min_size=1,
    max_size=12,
)


@lru_cache(maxsize=len(SEEDS))
def seed(number: int) -> tuple[bytes, tuple[int, ...]]:
    """A file, and the positions in it that are structure."""
    content = SEEDS[number]()
    found = read_movie(BytesSource(content))
    assert found is not None
    structure = [box for box in found.boxes if box.kind != "mdat"]
    return content, tuple(at for box in structure for at in range(box.offset, box.end - 4))


def hit(number: int, hits: list[Hit], keep: float = 1.0) -> bytes:
    """That seed's file with these hits, cut to a part of its length."""
    content, positions = seed(number)
    mutated = bytearray(content)
    for place, how, value in hits:
        at = positions[int(place * len(positions))]
        if how == "byte":
            mutated[at] = value & 0xFF
        elif how == "extreme":
            mutated[at : at + 4] = EXTREMES[value % len(EXTREMES)].to_bytes(4, "big")
        elif how == "number":
            mutated[at : at + 4] = value.to_bytes(4, "big")
        else:
            source = positions[value % len(positions)]
            mutated[at : at + 4] = content[source : source + 4]
    return bytes(mutated[: int(len(mutated) * keep) or 1])


MUTATED = st.builds(
    hit,
    st.integers(0, len(SEEDS) - 1),
    HITS,
    st.one_of(st.just(1.0), st.floats(0, 1)),
)
"""A real or made movie that something happened to."""
