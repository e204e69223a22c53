"""Small files that claim much: what a look at them takes depends on their bytes, not on numbers (S4.1)."""

from __future__ import annotations

import tracemalloc
from array import array
from collections.abc import Callable
from struct import pack

import pytest

from domain.format.errors import FormatError
from domain.format.media.boxes import BOX_BYTES, SYNC_SORTED_MAX, TREE_BOXES_MAX, UNLISTED_FREE
from domain.format.media.cadence import REORDERED_MAX
from domain.format.media.layout import layout_of
from domain.format.media.movie import SAMPLES_MAX, Movie, Samples, Spell
from domain.format.media.reading import read_movie
from domain.format.media.source import BytesSource
from domain.format.media.timing import timings_of
from tests.domain.format.media import by_hand
from tests.domain.format.media.columns import are_agreed, messages, read
from tests.domain.format.media.test_fragments import fragment, opened, tfhd, trun
from tests.domain.format.media.test_reading_limits import numbers
from tests.media.making import MadeTrack, box, clip, ftyp, full_box, sample_entry, stbl, trak

MIB = 2**20
SMALL_BYTES = 4 * MIB
"""What any file of a few KB may take."""
NOT_SYNC = 0x1010000
AT = pack(">i", 100)
DESCRIBED = full_box("stsd", pack(">I", 1), sample_entry(clip()))


def looked_at(content: bytes) -> Movie | None:
    try:
        return read_movie(BytesSource(content))
    except FormatError:
        return None


def peak_of(look: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        look()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def of_many_tracks(count: int, run: bytes) -> bytes:
    """The same run in a fragment of each track."""
    traks = (trak(number, clip(), stbl(clip(), None)) for number in range(1, count + 1))
    trexes = (full_box("trex", pack(">5I", number, 1, 40, 7, 0)) for number in range(1, count + 1))
    moov = box("moov", full_box("mvhd", bytes(96)), *traks, box("mvex", *trexes))
    return ftyp() + moov + b"".join(fragment(tfhd(track_id=number), run) for number in range(1, count + 1))


def of_tables(*tables: bytes) -> bytes:
    return ftyp() + box("moov", full_box("mvhd", bytes(96)), trak(1, clip(), box("stbl", *tables)))


MARKED = trun(0x5, SAMPLES_MAX, AT + pack(">I", NOT_SYNC))
EQUAL, UNLIKE = trun(0x1, SAMPLES_MAX - 1, AT), trun(0x200, 1, pack(">I", 9))
CLAIMS = {
    "samples to begin at": opened(clip(), (40, 7, 0)) + fragment(tfhd(), MARKED),
    "samples to begin at, of many tracks": of_many_tracks(20, MARKED),
    "none to begin at, behind many": opened(clip(), (40, 7, 0))
    + fragment(tfhd(), trun(0x1, SAMPLES_MAX - 1, AT))
    + fragment(tfhd(0x20020, pack(">I", NOT_SYNC)), trun(0x1, 1, AT)),
    "samples of one size, then of another": opened(clip(), (40, 7, 0)) + fragment(tfhd(), EQUAL, UNLIKE),
    "samples without bytes": opened(clip(), (40, 0, 0)) + fragment(tfhd(), trun(0x1, SAMPLES_MAX, AT)),
}


@pytest.mark.parametrize("content", CLAIMS.values(), ids=CLAIMS)
def test_s4_1_a_number_alone_takes_no_memory(content: bytes) -> None:
    assert len(content) < 16_000
    assert peak_of(lambda: looked_at(content)) < SMALL_BYTES
    with pytest.raises(FormatError, match="samples that are nowhere listed"):
        read_movie(BytesSource(content))


def test_samples_that_a_short_file_may_lack_are_believed() -> None:
    run = trun(0x5, UNLISTED_FREE, AT + pack(">I", NOT_SYNC))
    found = read(opened(clip(), (40, 7, 0)) + fragment(tfhd(), run)).tracks[0].samples
    assert (found.count, len(found.sync or ()), are_agreed(found)) == (UNLISTED_FREE, UNLISTED_FREE - 1, True)


def test_flags_of_a_long_run_are_held_as_a_column() -> None:
    run = trun(0x401, 300_000, AT + numbers("I", [NOT_SYNC, 0, 0] * 100_000))
    content = opened(clip(), (40, 7, 0)) + fragment(tfhd(), run)
    assert peak_of(lambda: looked_at(content)) < 5 * len(content)
    assert list(read(content).tracks[0].samples.sync or ())[:3] == [1, 2, 4]


def test_s4_1_boxes_that_are_held_together_are_counted() -> None:
    content = ftyp() + box("moov", box("free") * (TREE_BOXES_MAX + 1))
    assert f"Parse failed: a movie has more than {TREE_BOXES_MAX} boxes in one container" in messages(content)


def test_boxes_of_one_fragment_after_the_other_are_not_held() -> None:
    padding = box("free", bytes(BOX_BYTES - 8)) * (TREE_BOXES_MAX // 2)
    content = opened(clip()) + 3 * box("moof", padding)
    assert read(content).issues[0].message == "Missing mdat box"


def test_s4_1_more_boxes_than_a_movie_of_that_size_has_are_not_looked_at() -> None:
    content = opened(clip()) + 4 * box("moof", box("free") * (TREE_BOXES_MAX // 2))
    with pytest.raises(FormatError, match=f"more than {TREE_BOXES_MAX + len(content) // BOX_BYTES} boxes"):
        read(content)


def test_s4_1_a_long_table_out_of_order_is_not_sorted() -> None:
    count = SYNC_SORTED_MAX + 1
    stss = full_box("stss", pack(">I", count), numbers("I", range(count, 0, -1)))
    content = of_tables(
        DESCRIBED,
        stss,
        full_box("stsz", pack(">II", 1, count)),
        full_box("stco", pack(">II", 1, 0)),
        full_box("stsc", pack(">IIII", 1, 1, count, 1)),
    )
    assert peak_of(lambda: looked_at(content)) < 4 * len(content)
    with pytest.raises(FormatError, match="sync samples out of order"):
        read_movie(BytesSource(content))


def test_s4_1_edits_of_all_tracks_are_counted() -> None:
    edited = MadeTrack((), edits=((1, 0),) * 10_000)
    traks = (trak(number, edited, stbl(edited, None)) for number in range(1, 12))
    with pytest.raises(FormatError, match="more than 100000 edits"):
        read(ftyp() + box("moov", *traks))


def test_a_track_without_times_goes_on_in_fragments_that_have_some() -> None:
    tables = (
        full_box("stsz", pack(">II", 7, 3)),
        full_box("stco", pack(">II", 1, 0)),
        full_box("stsc", pack(">IIII", 1, 1, 3, 1)),
    )
    found = read(of_tables(DESCRIBED, *tables) + fragment(tfhd(0x20008, pack(">I", 40)), trun(0x1, 2, AT)))
    assert found.tracks[0].samples.durations == (Spell(3, 0), Spell(2, 40))
    assert are_agreed(found.tracks[0].samples)


def test_so_many_pictures_of_all_tracks_are_sorted() -> None:
    half = REORDERED_MAX // 5
    turned = by_hand.video(Spell(2 * half, 10), shifts=(Spell(half, 0), Spell(half, -10 * half - 5)))
    timings = timings_of(by_hand.movie(*[turned] * 3))
    assert [len(each.cadence.spells) > 1 for each in timings] == [True, True, False]


def test_s4_1_chunks_that_lie_over_each_other_have_no_units() -> None:
    offsets, counts = array("Q", [0] * 500), array("I", [10_000] * 500)
    held = Samples(5_000_000, 1, chunk_offsets=offsets, chunk_counts=counts)
    movie = by_hand.movie(*[by_hand.video(samples=held)] * 3)
    laid_out: list[object] = []
    assert peak_of(lambda: laid_out.append(layout_of(movie, 100_000))) < SMALL_BYTES
    assert laid_out == [None]
