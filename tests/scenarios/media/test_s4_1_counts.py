"""What a commit counts of media, under the names and labels of the failure document (S4.1-S4.5)."""

from __future__ import annotations

from dataclasses import replace

from tests.domain.nle.making import premiere
from tests.media.making import clip, movie, song, truncated
from tests.scenarios.media.committing import PATH, committed

VALIDATION = "dits_media_validation_total"
UNSUPPORTED = "dits_media_unsupported_codec_total"
SYNC = "dits_media_sync_warnings_total"
PROJECTS = "dits_nle_projects_total"
WHOLE = movie(clip(), song())


def test_s4_1_containers_are_counted_by_result() -> None:
    assert committed(WHOLE).counted(VALIDATION) == {("passed",): 1}
    assert committed(truncated(WHOLE, 60)).counted(VALIDATION) == {("failed",): 1}
    assert committed(truncated(WHOLE, 60), raw=[PATH]).counted(VALIDATION) == {("failed",): 1}


def test_s4_1_what_is_no_container_is_not_counted() -> None:
    assert committed(b"a script").counted(VALIDATION) == {}


def test_s4_2_codecs_outside_the_set_are_counted() -> None:
    exotic = movie(replace(clip(), codec="ap4h"), replace(song(), codec="sowt"))
    assert committed(exotic).counted(UNSUPPORTED) == {(): 2}
    assert committed(WHOLE).counted(UNSUPPORTED) == {}


def test_s4_3_films_out_of_sync_are_counted() -> None:
    assert committed(movie(clip(), song(40))).counted(SYNC) == {(): 1}
    assert committed(WHOLE).counted(SYNC) == {}


def test_s4_5_projects_are_counted_by_program_and_support() -> None:
    assert committed(premiere("42")).counted(PROJECTS) == {("premiere", "yes"): 1}
    assert committed(premiere("43")).counted(PROJECTS) == {("premiere", "no"): 1}
