"""zlib's deflate in plain Python: byte for byte what the classic zlib writes."""

from __future__ import annotations

import random
import sys
import tracemalloc
import zlib
from functools import cache
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.format.packing.deflating import EFFORTS, Deflater
from domain.format.packing.huffman import code_lengths

PIECE_BYTES = 64 * 1024
KIB = 1024
DISTANCE_MAX = 32 * KIB - 262
SLIDES_AT = 2 * 32 * KIB - 262
CLIP = (
    '\t<ClipItem ObjectID="{number}" ClassID="{id:032x}" Version="8">\n\t\t<Start>{start}</Start>\n'
    '\t\t<End>{end}</End>\n\t\t<SubClip ObjectRef="{sub}"/>\n\t\t<IsMuted>false</IsMuted>\n\t</ClipItem>\n'
)
GOLDEN = {
    (6, 8, 0): "0fec2959d48eb3cf",
    (9, 9, 0): "64cc6eec24802d34",
    (6, 1, 3): "c2f79ea346a0bd1b",
    (3, 5, 4): "57510e3310b29294",
}
"""Of what zlib 1.2.13 made of `mixture(70 * KIB, 1)`: how its SHA-256 begins."""

Manner = tuple[int, int, int]
MANNERS = st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(0, 4))


@cache
def xml(size_bytes: int) -> bytes:
    chance = random.Random(size_bytes)
    ids = [chance.getrandbits(128) for _ in range(40)]
    clips = list[str]()
    for number in range(size_bytes // 150):
        start = chance.randrange(10**13)
        end, sub = start + chance.randrange(10**12), chance.randrange(100_000)
        clips.append(CLIP.format(number=number, id=chance.choice(ids), start=start, end=end, sub=sub))
    return "".join(clips).encode()[:size_bytes]


def part(chance: random.Random, size: int, before: bytes | bytearray) -> bytes:
    """Something of about this size: noise, XML, a run, few letters, skewed bytes, or a copy from before."""
    distance = chance.choice(
        (1, 2, 3, 4096, 4097, DISTANCE_MAX, DISTANCE_MAX + 1, chance.randrange(1, 60_000))
    )
    match chance.randrange(6):
        case 0:
            return chance.randbytes(size)
        case 1:
            return xml(60_000)[size : 2 * size]
        case 2:
            return chance.randbytes(1) * size
        case 3:
            return bytes(chance.choices(b"abcdefghij"[: chance.randrange(2, 10)], k=size))
        case 4:
            return bytes(min(int(chance.expovariate(0.05)), 255) for _ in range(size))
        case _:
            return bytes(before)[-distance:][: chance.choice((3, 4, 5, 258, size))]


def mixture(size_bytes: int, seed: int) -> bytes:
    chance, content = random.Random(seed), bytearray()
    while len(content) < size_bytes:
        content += part(chance, int(2 ** chance.uniform(1, 14)), content)
    return bytes(content[:size_bytes])


def echoes(distance: int) -> bytes:
    """Noise that repeats itself now and then from so far back, also where the window slides."""
    chance = random.Random(distance)
    content = bytearray(chance.randbytes(distance))
    while len(content) < 70 * KIB:
        content += chance.randbytes(chance.randrange(1, 60))
        content += content[-distance:][: chance.choice((3, 4, 5, 20, 258, 300))]
    return bytes(content)


def chained(level: int, tried: int, distance: int) -> bytes:
    """A text that comes again after `distance` bytes, with so many places between that begin like it."""
    chance = random.Random(tried)
    between = b"".join(b"abc" + chance.randbytes(4) for _ in range(tried))
    text = b"abc and what follows"
    filler = random.Random(level).randbytes(max(distance - len(text) - len(between), 0))
    return b"begin" + text + filler + between + text + b"end"


def pieces(content: bytes) -> list[bytes]:
    return [content[start : start + PIECE_BYTES] for start in range(0, len(content), PIECE_BYTES)]


def by_zlib(content: bytes, manner: Manner) -> bytes:
    level, mem_level, strategy = manner
    engine = zlib.compressobj(level, zlib.DEFLATED, -15, mem_level, strategy)
    return b"".join((*map(engine.compress, pieces(content)), engine.flush()))


def by_hand(content: bytes, manner: Manner) -> bytes:
    deflater = Deflater(*manner)
    return b"".join((*map(deflater.compress, pieces(content)), deflater.flush()))


def fingerprint(packed: bytes) -> str:
    return sha256(packed).hexdigest()[:16]


def is_classic() -> bool:
    content = mixture(70 * KIB, 1)
    return all(fingerprint(by_zlib(content, manner)) == golden for manner, golden in GOLDEN.items())


beside_classic_zlib = pytest.mark.skipif(
    not is_classic(),
    reason=f"the zlib here, {zlib.ZLIB_RUNTIME_VERSION}, packs otherwise than the classic one",
)


@pytest.mark.parametrize("manner", GOLDEN, ids=str)
def test_any_machine_packs_like_the_classic_zlib(manner: Manner) -> None:
    content = mixture(70 * KIB, 1)
    packed = by_hand(content, manner)
    assert zlib.decompress(packed, -15) == content
    assert fingerprint(packed) == GOLDEN[manner]


def test_a_zlib_that_calls_itself_classic_is_the_classic_one() -> None:
    if sys.platform == "darwin":
        pytest.skip("Apple's zlib calls itself so and is not")
    if not all(number.isdecimal() for number in zlib.ZLIB_RUNTIME_VERSION.split(".")):
        pytest.skip(f"zlib {zlib.ZLIB_RUNTIME_VERSION} does not")
    assert is_classic()


@beside_classic_zlib
@pytest.mark.parametrize("level", range(1, 10))
def test_every_level_is_that_of_zlib(level: int) -> None:
    for content in (xml(100 * KIB), mixture(70 * KIB, level)):
        assert by_hand(content, (level, 8, 0)) == by_zlib(content, (level, 8, 0))


@beside_classic_zlib
@pytest.mark.parametrize("level", [6, 9])
def test_a_project_of_many_windows_is_packed_like_by_zlib(level: int) -> None:
    assert by_hand(xml(300 * KIB), (level, 8, 0)) == by_zlib(xml(300 * KIB), (level, 8, 0))


@beside_classic_zlib
@pytest.mark.parametrize("mem_level", range(1, 10))
def test_every_memory_level_is_that_of_zlib(mem_level: int) -> None:
    content = mixture(40 * KIB, 50 + mem_level)
    for level in (1, 6):
        assert by_hand(content, (level, mem_level, 0)) == by_zlib(content, (level, mem_level, 0))


@beside_classic_zlib
@pytest.mark.parametrize("strategy", range(1, 5))
@pytest.mark.parametrize("level", [2, 6])
def test_every_strategy_is_that_of_zlib(level: int, strategy: int) -> None:
    content = mixture(70 * KIB, strategy)
    assert by_hand(content, (level, 8, strategy)) == by_zlib(content, (level, 8, strategy))


@beside_classic_zlib
@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300) | st.builds(mixture, st.integers(0, 3000), st.integers(0)), MANNERS)
def test_short_contents_are_packed_like_by_zlib(content: bytes, manner: Manner) -> None:
    assert by_hand(content, manner) == by_zlib(content, manner)


@beside_classic_zlib
@settings(max_examples=8, deadline=None)
@given(st.integers(-262, 262), st.integers(0), MANNERS)
def test_a_content_may_end_where_the_window_slides(beyond: int, seed: int, manner: Manner) -> None:
    content = mixture(SLIDES_AT + beyond, seed)
    assert by_hand(content, manner) == by_zlib(content, manner)


@beside_classic_zlib
@pytest.mark.parametrize("distance", [32 * KIB + more for more in (-300, -263, -262, -261, 0, 300)])
def test_the_farthest_match_is_that_of_zlib(distance: int) -> None:
    content = echoes(distance)
    for level in (1, 6):
        assert by_hand(content, (level, 8, 0)) == by_zlib(content, (level, 8, 0))


@beside_classic_zlib
@pytest.mark.parametrize("beyond", [3, 261])
def test_the_place_that_a_slide_moves_to_the_front_is_forgotten(beyond: int) -> None:
    """Where the content ends just past a slide."""
    noise = random.Random(beyond).randbytes(SLIDES_AT)
    content = noise + noise[32 * KIB :][:beyond]
    for level in (1, 6):
        assert by_hand(content, (level, 8, 0)) == by_zlib(content, (level, 8, 0))


@beside_classic_zlib
@pytest.mark.parametrize("level", range(1, 10))
def test_a_search_ends_after_as_many_steps_as_that_of_zlib(level: int) -> None:
    steps = EFFORTS[level - 1].steps
    for tried in range(steps - 2, steps + 2):
        content = chained(level, tried, 0)
        assert by_hand(content, (level, 8, 0)) == by_zlib(content, (level, 8, 0))


@beside_classic_zlib
@pytest.mark.parametrize("distance", range(DISTANCE_MAX - 2, DISTANCE_MAX + 2))
def test_a_long_search_ends_where_that_of_zlib_does(distance: int) -> None:
    content = chained(8, 600, distance)
    assert by_hand(content, (8, 8, 0)) == by_zlib(content, (8, 8, 0))


@beside_classic_zlib
@pytest.mark.parametrize(
    "manner", [(1, 8, 0), (6, 9, 0), (9, 8, 0), (6, 9, 2), (6, 8, 3), (6, 9, 4)], ids=str
)
def test_noise_and_long_runs_are_packed_like_by_zlib(manner: Manner) -> None:
    """Blocks that are stored, and those that could not be: the window had slid past their begin."""
    noise = random.Random(7).randbytes(20_000)
    for content in (noise[:9000] + bytes(90_000) + noise[9000:], b"abc" * 30_000):
        assert by_hand(content, manner) == by_zlib(content, manner)


@beside_classic_zlib
@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seed", range(40))
def test_any_mixture_is_packed_like_by_zlib(seed: int) -> None:
    chance = random.Random(seed)
    content = mixture(chance.choice((70_000, 140_000, 300_000)), 1000 + seed)
    for level in (1, 3, 4, 6, 8, 9):
        manner = (
            level,
            chance.choice((8, 8, 9, chance.randrange(1, 10))),
            chance.choice((0, 0, 0, 1, 2, 3, 4)),
        )
        assert by_hand(content, manner) == by_zlib(content, manner)


def test_a_code_too_long_makes_room_and_is_still_complete() -> None:
    fibonacci = [1, 1]
    while len(fibonacci) < 24:
        fibonacci.append(fibonacci[-1] + fibonacci[-2])
    lengths = code_lengths(fibonacci, 15)
    assert max(lengths) == 15
    assert sum(2.0**-length for length in lengths) == 1


def test_memory_does_not_grow_with_the_content() -> None:
    deflater = Deflater(6, 8, 0)
    tracemalloc.start()
    peaks = list[int]()
    for _ in range(5):
        deflater.compress(bytes(PIECE_BYTES))
        peaks.append(tracemalloc.get_traced_memory()[1])
    tracemalloc.stop()
    assert peaks[-1] < peaks[2] + 64 * KIB
