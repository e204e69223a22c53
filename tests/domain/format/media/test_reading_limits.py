"""Whatever bytes come: no crash, no hang, and no more memory than is stated (S4.1)."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tracemalloc
from array import array
from collections.abc import Iterable
from pathlib import Path
from struct import pack
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.format.errors import FormatError
from domain.format.media.movie import SAMPLES_MAX, Movie
from domain.format.media.reading import read_movie
from domain.format.media.source import BytesSource
from domain.format.media.tables import IS_LITTLE, Form
from tests.domain.format.media.columns import are_agreed
from tests.domain.format.media.mutations import MUTATED, SEEDS
from tests.media.making import box, clip, ftyp, full_box, sample_entry, trak

ROOT = Path(__file__).parents[4]
TERABYTE = 2**40
CPU_SECONDS_MAX = 5.0
MIB = 2**20
FUZZED_SECONDS = 60
FUZZED_MIB_MAX = 512
"""Of the whole process: twice what is stated of one file; after some minutes it has 70 to 120."""

NEEDS_ATHERIS = pytest.mark.skipif(
    importlib.util.find_spec("atheris") is None, reason="atheris is not installed"
)


class Sparse:
    """A head, and then nothing but zeros up to a terabyte."""

    size_bytes = TERABYTE

    def __init__(self, head: bytes) -> None:
        self.head = head
        self.read_bytes = 0

    def read(self, offset: int, size_bytes: int) -> bytes:
        self.read_bytes += size_bytes
        return self.head[offset : offset + size_bytes].ljust(min(size_bytes, TERABYTE - offset), b"\0")


def numbers(form: Form, values: Iterable[int]) -> bytes:
    packed = array(form, values)
    if IS_LITTLE:
        packed.byteswap()
    return packed.tobytes()


def film(count: int, *, different: int) -> Sparse:
    """So many samples in chunks of four, with so many kinds of duration; its mdat fills the terabyte."""
    quarter = count // 4
    timed = [number for i in range(quarter) for number in (4, 1000 + i % different)]
    tables = (
        full_box("stsd", pack(">I", 1), sample_entry(clip())),
        full_box("stts", pack(">I", quarter), numbers("I", timed)),
        full_box("ctts", pack(">I", quarter), numbers("I", timed)),
        full_box("stss", pack(">I", count), numbers("I", range(1, count + 1))),
        full_box("stsc", pack(">IIII", 1, 1, 4, 1)),
        full_box("stsz", pack(">II", 0, count), numbers("I", [100] * count)),
        full_box("co64", pack(">I", quarter), numbers("Q", range(2**32, 2**32 + 400 * quarter, 400))),
    )
    head = ftyp() + box("moov", full_box("mvhd", bytes(96)), trak(1, clip(), box("stbl", *tables)))
    return Sparse(head + pack(">I4sQ", 1, b"mdat", TERABYTE - len(head)))


def read_within(content: bytes) -> Movie | None:
    """Nothing but FormatError, and not for long."""
    began = process_time()
    try:
        movie = read_movie(BytesSource(content))
    except FormatError:
        movie = None
    assert process_time() - began < CPU_SECONDS_MAX
    return movie


def peak_bytes(source: Sparse) -> tuple[int, Movie]:
    tracemalloc.start()
    try:
        movie = read_movie(source)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert movie is not None
    return peak, movie


@given(MUTATED)
def test_s4_1_a_mutated_movie_is_read_or_refused(content: bytes) -> None:
    movie = read_within(content)
    assert movie is None or all(are_agreed(track.samples) for track in movie.tracks)


@given(st.binary(max_size=400), st.sampled_from((b"", b"\0\0\0\x08ftyp", b"\0\0\1\0moov", b"\0\0\0\x60moof")))
def test_s4_1_any_bytes_are_read_or_refused(content: bytes, head: bytes) -> None:
    movie = read_within(head + content)
    assert movie is None or all(are_agreed(track.samples) for track in movie.tracks)


def test_s4_1_memory_depends_on_the_tables_and_not_on_the_file() -> None:
    source = film(100_000, different=10)
    peak, movie = peak_bytes(source)
    assert movie.issues == ()
    assert peak < 5 * MIB
    assert source.read_bytes < 2 * len(source.head)


def test_s4_1_a_table_beyond_the_limit_is_refused_before_it_is_read() -> None:
    sizes = full_box("stsz", pack(">II", 0, SAMPLES_MAX + 1), bytes(4 * (SAMPLES_MAX + 1)))
    stsd = full_box("stsd", pack(">I", 1), sample_entry(clip()))
    source = Sparse(ftyp() + box("moov", trak(1, clip(), box("stbl", stsd, sizes))))
    with pytest.raises(FormatError, match=f"more than {SAMPLES_MAX} samples"):
        read_movie(source)
    assert source.read_bytes < MIB


@pytest.mark.long
def test_s4_1_a_quarter_of_the_largest_movie_takes_a_quarter_of_what_is_stated() -> None:
    peak, movie = peak_bytes(film(SAMPLES_MAX // 4, different=45_000))
    assert movie.issues == ()
    assert peak < 64 * MIB


@pytest.mark.long
@settings(max_examples=20_000)
@given(MUTATED)
def test_s4_1_many_mutated_movies_are_read_or_refused(content: bytes) -> None:
    movie = read_within(content)
    assert movie is None or all(are_agreed(track.samples) for track in movie.tracks)


def fuzzed(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "tests.domain.format.media.fuzz_reader", *arguments]
    limit = f"-rss_limit_mb={FUZZED_MIB_MAX}"
    return subprocess.run([*command, limit], cwd=ROOT, capture_output=True, timeout=600, check=False)


@pytest.mark.long
@NEEDS_ATHERIS
def test_s4_1_atheris_finds_no_crash_and_no_hang(tmp_path: Path) -> None:
    for number, seed in enumerate(SEEDS):
        (tmp_path / f"seed-{number}").write_bytes(seed())
    limits = [f"-max_total_time={FUZZED_SECONDS}", "-timeout=30", "-max_len=200000"]
    done = fuzzed(str(tmp_path), *limits, f"-artifact_prefix={tmp_path}/")
    assert done.returncode == 0, done.stderr[-4000:].decode(errors="replace")


@pytest.mark.long
@NEEDS_ATHERIS
def test_a_large_test_run_is_not_counted_as_the_fuzzers_memory(tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(SEEDS[-1]())
    assert len(b"\1" * ((FUZZED_MIB_MAX + 64) * MIB)) > FUZZED_MIB_MAX * MIB
    done = fuzzed(str(tmp_path), "-max_total_time=4", f"-artifact_prefix={tmp_path}/")
    assert done.returncode == 0, done.stderr[-4000:].decode(errors="replace")
