"""Fragments: defaults, places and times of their runs, and runs that lie (S4.1)."""

from __future__ import annotations

from dataclasses import replace
from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.format.errors import FormatError
from domain.format.media.movie import Samples, Spell
from tests.domain.format.media.columns import are_agreed, messages, read, samples_of
from tests.media import encodes
from tests.media.making import (
    MadeTrack,
    box,
    clip,
    fragmented,
    ftyp,
    full_box,
    marked,
    movie,
    song,
    stbl,
    trak,
)


def opened(track: MadeTrack, trex: tuple[int, int, int] = (0, 0, 0)) -> bytes:
    """ftyp and moov of a file of one track; trex: duration, size, flags."""
    mvex = box("mvex", full_box("trex", pack(">IIIII", 1, 1, *trex)))
    return ftyp() + box("moov", full_box("mvhd", bytes(96)), trak(1, track, stbl(track, None)), mvex)


def fragment(tfhd: bytes, *runs: bytes) -> bytes:
    return box("moof", full_box("mfhd", pack(">I", 1)), box("traf", tfhd, *runs))


def tfhd(flags: int = 0x20000, fields: bytes = b"", track_id: int = 1) -> bytes:
    return full_box("tfhd", pack(">I", track_id), fields, flags=flags)


def trun(flags: int, count: int, fields: bytes = b"") -> bytes:
    return full_box("trun", pack(">I", count), fields, flags=flags)


def samples(content: bytes) -> Samples:
    return read(content).tracks[0].samples


@pytest.mark.parametrize("base_is_offset", [False, True])
@pytest.mark.parametrize("per_fragment", [1, 3, 50])
def test_samples_of_fragments_are_found_where_they_lie(base_is_offset: bool, per_fragment: int) -> None:
    content = fragmented(clip(), song(), per_fragment=per_fragment, base_is_offset=base_is_offset)
    assert [samples_of(content, 0), samples_of(content, 1)] == [clip().samples, song().samples]
    assert (read(content).is_fragmented, read(content).issues) == (True, ())


@given(st.lists(st.integers(1, 99), min_size=1, max_size=12), st.integers(1, 5), st.integers(-9, 9))
def test_times_of_fragments_are_those_of_the_track(lengths: list[int], step: int, shift: int) -> None:
    count = len(lengths)
    made = MadeTrack(marked(b"V", count, 9), durations=tuple(lengths), shifts=(shift,) * count, sync=(0,))
    found = samples(fragmented(made, per_fragment=step))
    assert [spell.value for spell in found.durations for _ in range(spell.count)] == lengths
    assert found.shifts == ((Spell(count, shift),) if shift else ())
    assert list(found.sync if found.sync is not None else [0]) == [0]


def test_all_defaults_may_come_from_moov() -> None:
    content = opened(clip(), (40, 7, 0)) + fragment(tfhd(), trun(0x1, 3, pack(">i", 100)))
    found = samples(content)
    assert (found.count, found.uniform_bytes, found.durations, found.sync) == (3, 7, (Spell(3, 40),), None)


def test_the_fragments_own_defaults_come_first() -> None:
    given_ = tfhd(0x20038, pack(">III", 50, 8, 0x1010000))
    found = samples(opened(clip(), (40, 7, 0)) + fragment(given_, trun(0x5, 3, pack(">iI", 100, 0))))
    assert (found.uniform_bytes, found.durations, list(found.sync or ())) == (8, (Spell(3, 50),), [0])


def test_a_run_without_an_offset_follows_the_one_before() -> None:
    runs = trun(0x201, 2, pack(">iII", 100, 5, 6)), trun(0x200, 1, pack(">I", 7))
    content = opened(clip()) + fragment(tfhd(), *runs)
    first = content.index(b"moof") - 4 + 100
    assert list(samples(content).chunk_offsets) == [first, first + 11]


def test_without_any_base_a_track_follows_the_one_before() -> None:
    one = box("traf", tfhd(0), trun(0x1, 2, pack(">i", 100)))
    content = opened(clip(), (40, 7, 0)) + box("moof", full_box("mfhd", bytes(4)), one, one)
    first = content.index(b"moof") - 4 + 100
    assert list(samples(content).chunk_offsets) == [first, first + 14 + 100]


def test_a_gap_in_decoding_time_lengthens_the_sample_before() -> None:
    run = trun(0x1, 2, pack(">i", 100))
    late = full_box("tfdt", pack(">I", 500))
    content = opened(clip(), (40, 7, 0)) + fragment(tfhd(), run) + fragment(tfhd(), late, run)
    assert samples(content).durations == (Spell(1, 40), Spell(1, 460), Spell(2, 40))


def test_a_step_back_in_decoding_time_is_a_warning() -> None:
    run, early = trun(0x1, 2, pack(">i", 100)), full_box("tfdt", pack(">I", 30))
    content = opened(clip(), (40, 7, 0)) + fragment(tfhd(), run) + fragment(tfhd(), early, run)
    assert "Track 1: fragments overlap in time" in messages(content)
    assert are_agreed(samples(content))


def test_a_movie_cut_from_a_longer_one_says_when_it_begins() -> None:
    late = full_box("tfdt", pack(">Q", 2**40), version=1)
    content = opened(clip(), (40, 7, 0)) + fragment(tfhd(), late, trun(0x1, 2, pack(">i", 100)))
    assert (samples(content).begins_at, samples(content).duration) == (2**40, 80)


def test_fragments_follow_the_samples_that_moov_has() -> None:
    whole = movie(replace(clip(), sync=(0, 5)))
    rows = pack(">6I", 40, 7, 0x1010000, 40, 8, 0x1010000)
    content = whole + fragment(tfhd(), trun(0x705, 2, pack(">iI", -100, 0) + rows))
    found = samples(content)
    assert (found.count, list(found.sizes)[-3:], list(found.sync or ())) == (12, [109, 7, 8], [0, 5, 10])


def test_sizes_that_begin_equal_and_then_differ_become_a_column() -> None:
    runs = trun(0x1, 2, pack(">i", 100)), trun(0x200, 2, pack(">II", 1, 2))
    found = samples(opened(clip(), (40, 7, 0)) + fragment(tfhd(), *runs))
    assert (found.uniform_bytes, list(found.sizes)) == (0, [7, 7, 1, 2])


def test_s4_1_a_run_that_claims_more_than_it_holds_is_named() -> None:
    content = opened(clip()) + fragment(tfhd(), trun(0x200, 2**31, pack(">II", 5, 6)))
    assert f"trun claims {2**31} samples, 2 fit in its box" in messages(content)
    assert are_agreed(samples(content))


def test_s4_1_a_fragment_of_no_known_track_is_named_once() -> None:
    strange = fragment(tfhd(track_id=7), trun(0x1, 2, pack(">i", 100)))
    found = messages(opened(clip()) + strange + strange)
    assert found.count("Parse failed: fragments of track 7, which moov does not have") == 1


def test_s4_1_data_before_the_file_is_named() -> None:
    content = opened(clip(), (40, 7, 0)) + fragment(tfhd(), trun(0x1, 2, pack(">i", -(2**31))))
    assert "a fragment's data begins outside of any file" in messages(content)


def test_samples_without_number_or_size_are_refused() -> None:
    with pytest.raises(FormatError, match="more than 8000000 samples"):
        read(opened(clip()) + fragment(tfhd(), trun(0x1, 2**32 - 1, pack(">i", 100))))


@pytest.mark.parametrize("percent", [30, 55, 80, 99])
def test_s4_1_a_fragmented_file_cut_short_is_not_sound(percent: int) -> None:
    whole = encodes.fragmented_mp4()
    found = read(whole[: len(whole) * percent // 100])
    assert not found.is_sound
    assert found.issues[0].message.startswith(("Box mdat size mismatch", "Box moof size mismatch"))


def test_a_fragmented_file_tells_the_samples_of_its_plain_twin() -> None:
    plain, cut = read(encodes.mp4()), read(encodes.fragmented_mp4())
    for one, other in zip(plain.tracks, cut.tracks, strict=True):
        assert list(one.samples.sizes) == list(other.samples.sizes)
        assert (one.samples.sync is None) == (other.samples.sync is None)
        assert list(one.samples.sync or ()) == list(other.samples.sync or ())
