"""Sample tables: each kind read as it is written, and tables that contradict each other (S4.1)."""

from __future__ import annotations

from array import array
from dataclasses import replace
from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.format.media.entries import sound_entry
from domain.format.media.movie import Samples, Spell
from domain.format.media.reading import read_movie
from domain.format.media.source import BytesSource
from domain.format.media.tables import column, count_outside
from tests.domain.format.media.columns import are_agreed, messages, read, samples_of
from tests.media.making import (
    MadeTrack,
    box,
    clip,
    ftyp,
    full_box,
    marked,
    movie,
    sample_entry,
    song,
    table,
    trak,
)

TIMES = st.lists(st.integers(0, 2**26), min_size=1, max_size=30)
SHIFTS = st.lists(st.integers(-(2**31), 2**31 - 1), min_size=30, max_size=30)


def with_tables(track: MadeTrack, *tables: bytes) -> bytes:
    """A movie of one track with these tables beside its stsd; its samples begin at byte 32."""
    stsd = full_box("stsd", pack(">I", 1), sample_entry(track))
    made = trak(1, track, box("stbl", stsd, *tables))
    mdat = box("mdat", *track.samples)
    return ftyp() + mdat + box("moov", full_box("mvhd", bytes(96)), made)


FIRST = len(ftyp()) + 8
TEN = MadeTrack(marked(b"V", 10, 50))
SIZES = full_box("stsz", pack(">II", 0, 10), b"".join(pack(">I", len(sample)) for sample in TEN.samples))
TIMED = table("stts", "II", [(10, 40)])
TOGETHER = table("stsc", "III", [(1, 10, 1)])
PLACED = table("stco", "I", [(FIRST,)])
STSC = "stsc does not ascend from the first chunk"
STSS = "stss does not ascend within its samples"


def expanded(spells: tuple[Spell, ...]) -> list[int]:
    return [spell.value for spell in spells for _ in range(spell.count)]


@given(TIMES, SHIFTS)
def test_times_and_shifts_are_read_as_they_were_made(durations: list[int], shifts: list[int]) -> None:
    made = MadeTrack(
        marked(b"V", len(durations), 20), durations=tuple(durations), shifts=tuple(shifts[: len(durations)])
    )
    samples = read(movie(made)).tracks[0].samples
    assert expanded(samples.durations) == durations
    assert expanded(samples.shifts) == (list(made.shifts) if any(made.shifts) else [])
    assert samples.duration == sum(durations)


@given(st.integers(1, 40), st.integers(1, 50), st.sets(st.integers(0, 39)))
def test_chunks_and_sync_samples_are_read_as_they_were_made(count: int, each: int, sync: set[int]) -> None:
    known = tuple(sorted(index for index in sync if index < count))
    content = movie(replace(clip(count), per_chunk=each, sync=known), song(), fast_start=True)
    samples = read(content).tracks[0].samples
    assert list(samples.sync or ()) == list(known)
    assert samples_of(content) == clip(count).samples
    assert are_agreed(samples)


def test_without_stss_every_sample_is_a_start() -> None:
    assert read(movie(replace(clip(), sync=None))).tracks[0].samples.sync is None


@pytest.mark.parametrize("bits", [4, 8, 16])
def test_compact_sizes_are_read(bits: int) -> None:
    sizes = [len(sample) % 2**bits for sample in marked(b"V", 9, 1)]
    nibbles = [*sizes, 0]
    raw = {
        4: bytes(a << 4 | b for a, b in zip(nibbles[0::2], nibbles[1::2], strict=True)),
        8: bytes(sizes),
        16: b"".join(pack(">H", size) for size in sizes),
    }[bits]
    track = MadeTrack(tuple(b"x" * size for size in sizes))
    compact = full_box("stz2", pack(">II", bits, 9), raw)
    content = with_tables(
        track, table("stts", "II", [(9, 1)]), table("stsc", "III", [(1, 9, 1)]), PLACED, compact
    )
    assert (list(read(content).tracks[0].samples.sizes), messages(content)) == (sizes, [])


def test_samples_of_one_size_are_a_number() -> None:
    content = with_tables(TEN, TIMED, TOGETHER, PLACED, full_box("stsz", pack(">II", 50, 10)))
    samples = read(content).tracks[0].samples
    assert (samples.uniform_bytes, samples.count, len(samples.sizes)) == (50, 10, 0)


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ((TIMED, TOGETHER, PLACED, SIZES[:-8]), "stsz claims 10 entries, 8 fit in its box"),
        ((TIMED, TOGETHER, PLACED, full_box("stz2", pack(">II", 5, 10))), "stz2 has fields of 5 bits"),
        ((TIMED, TOGETHER, table("stco", "I", [])[:-2], SIZES), "stco has no room for its head"),
        ((TIMED, table("stsc", "III", [(1, 9, 1)]), PLACED, SIZES), "10 samples have a size, 9 have a place"),
        ((TIMED, table("stsc", "III", [(2, 10, 1)]), PLACED, SIZES), STSC),
        ((TIMED, TOGETHER, PLACED, SIZES, table("stss", "I", [(3,), (3,)])), STSS),
        ((TIMED, TOGETHER, PLACED, SIZES, table("stss", "I", [(11,)])), STSS),
    ],
)
def test_s4_1_tables_that_contradict_each_other_are_named(tables: tuple[bytes, ...], message: str) -> None:
    mended = tuple(pack(">I", len(each)) + each[4:] for each in tables)
    content = with_tables(TEN, *mended)
    assert f"Track 1: {message}" in messages(content)
    assert not read(content).is_sound
    assert are_agreed(read(content).tracks[0].samples)


@pytest.mark.parametrize("told", [7, 13])
def test_times_of_too_many_or_too_few_samples_are_a_warning(told: int) -> None:
    content = with_tables(TEN, table("stts", "II", [(told, 40)]), TOGETHER, PLACED, SIZES)
    found = read(content)
    assert [issue.message for issue in found.issues] == [
        f"Track 1: stts tells of {told} samples, there are 10"
    ]
    assert (found.is_sound, found.tracks[0].samples.duration) == (True, 400)


def test_a_count_beyond_belief_allocates_nothing() -> None:
    lying = full_box("stsz", pack(">II", 0, 2**32 - 1), SIZES[20:])
    samples = read(with_tables(TEN, TIMED, TOGETHER, PLACED, lying)).tracks[0].samples
    assert samples.count == 10


def test_sound_of_quicktime_version_1_is_counted_in_packets() -> None:
    versioned = pack(">HHIHHHHI", 1, 0, 0, 2, 16, 0xFFFE, 0, 48_000 << 16) + pack(">IIII", 64, 34, 68, 2)
    entry = box("ima4", bytes(6), pack(">H", 1), versioned)
    track = MadeTrack((bytes(68),) * 10, "soun", "ima4", 48_000, entry=entry)
    tables = table("stts", "II", [(640, 1)]), table("stsc", "III", [(1, 640, 1)]), PLACED
    content = with_tables(track, *tables, full_box("stsz", pack(">II", 1, 640)))
    samples = read(content).tracks[0].samples
    assert (samples.count, samples.uniform_bytes, samples.durations) == (10, 68, (Spell(10, 64),))
    assert messages(content) == []


def test_plain_pcm_is_as_large_as_its_entry_says() -> None:
    track = MadeTrack((b"LLRR",) * 100, "soun", "sowt", 48_000)
    tables = table("stts", "II", [(100, 1)]), table("stsc", "III", [(1, 100, 1)]), PLACED
    content = with_tables(track, *tables, full_box("stsz", pack(">II", 1, 100)))
    assert samples_of(content) == track.samples


def test_sound_of_quicktime_version_2_says_its_rate_as_a_float() -> None:
    head = pack(">HHIHHHHI", 2, 0, 0, 3, 16, 0xFFFE, 0, 0x10000)
    entry = box(
        "lpcm", bytes(6), pack(">H", 1), head, pack(">IdIIIIII", 72, 96_000.0, 6, 0x7F000000, 24, 0, 18, 1)
    )
    found = sound_entry("lpcm", entry)
    assert (found.channels, found.sample_rate, found.packing and found.packing.size_bytes) == (6, 96_000, 18)


def test_columns_are_big_endian_and_leave_out_a_piece() -> None:
    assert list(column("I", b"\0\0\0\1\0\0\1\0\7\7")) == [1, 256]
    assert list(column("i", b"\xff\xff\xff\xff")) == [-1]


@given(st.lists(st.integers(1, 9), min_size=1, max_size=12), st.integers(0, 130))
def test_samples_outside_are_counted_one_by_one(sizes: list[int], size_bytes: int) -> None:
    places = [(10 + sum(sizes[:i]), 10 + sum(sizes[: i + 1])) for i in range(len(sizes))]
    samples = Samples(len(sizes), 0, array("I", sizes), array("Q", [10]), array("I", [len(sizes)]))
    assert count_outside(samples, size_bytes) == sum(end > size_bytes for _, end in places)


def test_a_damaged_table_is_read_as_far_as_it_goes() -> None:
    whole = movie(clip(), song())
    for cut in range(whole.index(b"moov"), len(whole), 13):
        found = read_movie(BytesSource(whole[:cut]))
        assert found is not None
        assert not found.is_sound
