"""S4.3: picture and sound that drift apart are noticed, told with facts, and left as they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from domain.format.media.movie import Movie, Spell
from domain.format.media.reading import read_movie
from domain.format.media.source import BytesSource
from domain.format.media.timing import check_sync
from tests.domain.format.media.by_hand import audio, edit, movie, video
from tests.media import encodes

MISMATCH = "Tracks have significant duration mismatch"


def read(content: bytes) -> Movie:
    found = read_movie(BytesSource(content))
    assert found is not None
    return found


def sound_of(ms: int) -> Movie:
    return movie(video(), audio(Spell(ms, 1)))


@pytest.mark.parametrize("ms", [9_900, 9_901, 10_000, 10_099, 10_100])
def test_s4_3_up_to_100_ms_is_valid(ms: int) -> None:
    report = check_sync(sound_of(ms))
    assert (report.valid, report.drift_ms, report.suggestion) == (True, abs(ms - 10_000), None)


@pytest.mark.parametrize("ms", [9_899, 10_101, 20_000])
def test_s4_3_more_than_100_ms_is_not(ms: int) -> None:
    fields = check_sync(sound_of(ms)).as_fields()
    assert (fields["valid"], fields["driftMs"]) == (False, abs(ms - 10_000))
    assert fields["suggestion"] == MISMATCH


def test_s4_3_the_first_tick_beyond_100_ms_is_not_valid() -> None:
    finer = audio(Spell(10_100_001, 1), timescale=1_000_000)
    report = check_sync(movie(video(), finer))
    assert (report.valid, report.drift_ms) == (False, 101)


def test_s4_3_the_edit_list_is_applied_before_comparing() -> None:
    film = sound_of(12_000)
    assert not check_sync(film).valid
    picture, sound = film.tracks
    trimmed = replace(sound, edits=(edit(10_050, 1_500),))
    assert check_sync(movie(picture, trimmed)).drift_ms == 50


def test_s4_3_no_audio_track_is_valid() -> None:
    assert check_sync(movie(video(Spell(100, 40), Spell(1, 900), Spell(100, 40)))).valid
    assert check_sync(read(encodes.silent())).valid


def test_s4_3_a_varying_frame_rate_is_mapped_and_no_gap() -> None:
    report = check_sync(movie(video(*(Spell(1, 40), Spell(1, 400)) * 20), audio(Spell(880, 10))))
    assert report.valid
    assert report.tracks[0].cadence.is_variable
    assert len(report.tracks[0].cadence.spells) == 40


def test_s4_3_a_gap_is_reported_with_its_place_and_length() -> None:
    fields = check_sync(movie(video(), audio(Spell(100, 20), Spell(1, 520), Spell(374, 20)))).as_fields()
    assert fields["valid"] is False
    tracks = fields["tracks"]
    assert isinstance(tracks, list)
    assert tracks[1]["gaps"] == [{"at_ms": 2_020, "lasting_ms": 500}]


def test_s4_3_a_late_start_is_told_and_valid() -> None:
    report = check_sync(movie(video(), audio(Spell(475, 20), edits=(edit(500, -1), edit(9_500)))))
    assert report.valid
    assert [int(each.start * 1000) for each in report.tracks] == [0, 500]


def test_s4_3_a_real_file_with_sound_too_long_is_not_valid() -> None:
    report = check_sync(read(encodes.unequal()))
    assert (report.valid, report.drift_ms, report.suggestion) == (False, 500, MISMATCH)


@pytest.mark.parametrize("encode", [encodes.mp4, encodes.mov, encodes.fragmented_mp4, encodes.with_b_frames])
def test_s4_3_real_files_in_step_are_valid(encode: Callable[[], bytes]) -> None:
    assert check_sync(read(encode())).valid


def test_s4_3_pictures_out_of_order_without_an_edit_list_are_no_drift() -> None:
    slow = (("preset", "medium"), ("threads", "1"), ("x264-params", "bframes=3:b-adapt=0:scenecut=0"))
    picture, plain = encodes.Picture(rate=15, options=slow), (("use_editlist", "0"),)
    report = check_sync(read(encodes.encode(encodes.Recording(pictures=(picture,), options=plain))))
    assert int(report.tracks[0].start * 1000) == 133
    assert (report.valid, report.drift_ms) == (True, 0)
