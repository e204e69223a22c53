"""What is presented, the drift between picture and sound, and gaps (S4.3)."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.format.media.movie import Edit, Spell
from domain.format.media.timing import check_sync, timing_of
from tests.domain.format.media.by_hand import audio, edit, movie, video

CPU_SECONDS_MAX = 2.0


def test_a_track_without_an_edit_list_begins_with_its_first_picture() -> None:
    timing = timing_of(video(Spell(250, 40), shifts=(Spell(250, 80),)), 1000)
    assert (timing.start, timing.duration) == (Fraction(80, 1000), Fraction(1008, 100))


def test_pictures_out_of_order_without_an_edit_list_last_until_the_last_that_is_shown() -> None:
    turned = video(Spell(4, 40), shifts=(Spell(1, 40), Spell(1, 120), Spell(2, 0)))
    assert timing_of(turned, 1000).duration == Fraction(200, 1000)
    assert timing_of(turned, 1000, sorted_max=3).duration == Fraction(200, 1000)


def test_a_movie_too_long_to_be_sorted_begins_with_its_earliest_picture() -> None:
    turned = video(Spell(4, 40), shifts=(Spell(1, 80), Spell(1, 0), Spell(2, 40)))
    assert [timing_of(turned, 1000, sorted_max=most).start for most in (3, 4)] == [Fraction(40, 1000)] * 2


def test_an_empty_edit_delays_what_follows() -> None:
    timing = timing_of(audio(edits=(edit(500, -1), edit(9_500))), 1000)
    assert (timing.start, timing.duration) == (Fraction(1, 2), Fraction(10))


def test_an_edit_presents_no_more_than_there_is() -> None:
    assert timing_of(audio(edits=(edit(60_000),)), 1000).duration == 10


def test_an_edit_without_a_length_goes_to_the_end() -> None:
    assert timing_of(video(edits=(edit(0, 2_000),)), 1000).duration == 8


def test_an_edit_that_dwells_lasts_as_long_as_it_says() -> None:
    assert timing_of(video(edits=(edit(60_000, 0, rate=0),)), 1000).duration == 60


def test_the_edit_list_counts_in_the_movie_s_timescale() -> None:
    track = video(Spell(250, 3600), timescale=90_000, edits=(edit(5 * 600, 90_000),))
    assert timing_of(track, 600).duration == 5


def test_a_track_that_shows_nothing_has_no_duration() -> None:
    assert timing_of(video(edits=(edit(5_000, -1),)), 1000).duration == 0


def test_a_long_sample_in_a_steady_track_is_a_gap() -> None:
    report = check_sync(movie(video(), audio(Spell(250, 20), Spell(1, 320), Spell(234, 20))))
    assert [(gap.at_ms, gap.lasting_ms) for gap in report.tracks[1].gaps] == [(5_020, 300)]
    assert not report.valid


def test_a_sample_longer_by_no_more_than_100_ms_is_no_gap() -> None:
    report = check_sync(movie(video(), audio(Spell(250, 20), Spell(1, 120), Spell(244, 20))))
    assert report.valid


def test_a_long_first_sample_of_sound_that_waits_for_the_pictures_is_no_gap() -> None:
    sound = audio(Spell(1, 320), Spell(484, 20))
    assert check_sync(movie(video(Spell(250, 40), shifts=(Spell(250, 320),)), sound)).sync.gap_count == 0
    assert check_sync(movie(video(), sound)).sync.gap_count == 1


@pytest.mark.parametrize(
    "seconds",
    [
        (10, 20),
        (10, 20, 30),
        (5, 5, 8, 5),
        (10, 20, 12, 18),
        (0.4, 0.4, 1, 0.4),
        (3,) * 30 + (9,) + (3,) * 30,
    ],
)
def test_slides_and_chapter_pictures_that_stand_for_long_are_no_gap(seconds: tuple[float, ...]) -> None:
    slides = video(*(Spell(1, round(each * 1000)) for each in seconds))
    assert check_sync(movie(slides, audio(Spell(slides.duration // 20, 20)))).valid


def test_a_long_last_sample_is_no_gap() -> None:
    assert check_sync(movie(video(), audio(Spell(450, 20), Spell(1, 1000)))).valid


def test_a_gap_that_the_edit_list_cuts_away_is_none() -> None:
    sound = audio(Spell(50, 20), Spell(1, 1_020), Spell(400, 20), edits=(edit(8_000, 2_020),))
    assert check_sync(movie(video(Spell(200, 40)), sound)).valid


def test_emptiness_between_two_edits_is_a_gap() -> None:
    sound = audio(edits=(edit(2_000), edit(500, -1), edit(7_500, 2_000)))
    report = check_sync(movie(video(), sound))
    assert [(gap.at_ms, gap.lasting_ms) for gap in report.tracks[1].gaps] == [(2_000, 500)]


def test_a_cover_picture_is_not_the_film() -> None:
    cover = video(Spell(1, 1), track_id=3, codec="jpeg")
    assert check_sync(movie(cover, video(), audio())).valid


def test_a_track_without_samples_is_judged_by_its_header() -> None:
    tracks = video(duration=10_000), audio(duration=10_101)
    bare = [type(t)(t.track_id, t.handler, 1000, t.duration, t.codec) for t in tracks]
    assert check_sync(movie(*bare)).drift_ms == 101


def test_fragments_of_a_long_recording_begin_at_their_first_sample() -> None:
    picture, sound = (
        replace(track, samples=replace(track.samples, begins_at=at))
        for track, at in ((video(), 7_200_000), (audio(), 7_200_040))
    )
    report = check_sync(movie(picture, sound))
    assert [int(each.start * 1000) for each in report.tracks] == [0, 40]
    assert [int(each.duration * 1000) for each in report.tracks] == [10_000, 10_040]


def test_a_hostile_table_costs_no_time() -> None:
    spells = [Spell(1_000_000_000, 1), Spell(900_000_000, 10_000)] * 20
    edits = tuple(Edit(1, i, 0x10000) for i in range(2_000))
    report = check_sync(movie(video(*spells, edits=edits), audio()))
    assert len(report.tracks) == 2


def test_long_samples_and_edits_are_not_compared_each_with_each() -> None:
    sounds = audio(*(Spell(24, 20), Spell(1, 1020)) * 10_000, edits=(Edit(1, 0, 0x10000),) * 10_000)
    began = process_time()
    assert check_sync(movie(*[sounds] * 8)).sync.gap_count == 0
    assert process_time() - began < CPU_SECONDS_MAX


def test_a_gap_behind_many_edits_and_long_samples_is_found() -> None:
    sound = audio(*(Spell(49, 20), Spell(1, 220)) * 3_000, edits=(*[edit(1)] * 3_000, edit(100, 1_199_940)))
    gaps = check_sync(movie(video(), sound)).tracks[1].gaps
    assert [(gap.at_ms, gap.lasting_ms) for gap in gaps] == []
    later = replace(sound, edits=(*[edit(1)] * 3_000, edit(1_400, 3_000_000)))
    gaps = check_sync(movie(video(), later)).tracks[1].gaps
    assert [(gap.at_ms, gap.lasting_ms) for gap in gaps] == [(4_000, 200)]


ticks = st.integers(0, 2**32 - 1)
spells = st.lists(st.builds(Spell, st.integers(0, 50), ticks), max_size=5)
edits = st.lists(
    st.builds(Edit, st.integers(0, 2**64 - 1), st.integers(-1, 2**63 - 1), st.sampled_from([0, 0x10000, -1])),
    max_size=4,
)


@given(spells, spells, edits, st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
def test_no_table_makes_a_report_fail(
    durations: list[Spell], shifts: list[Spell], edits: list[Edit], timescale: int, movie_timescale: int
) -> None:
    track = video(*durations, shifts=tuple(shifts), edits=tuple(edits), timescale=timescale)
    report = check_sync(movie(track, audio(), timescale=movie_timescale))
    assert report.drift_ms >= 0
    assert all(timing.start >= 0 and timing.duration >= 0 for timing in report.tracks)
