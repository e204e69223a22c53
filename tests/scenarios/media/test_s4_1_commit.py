"""A damaged container does not get into a commit by accident (S4.1)."""

from __future__ import annotations

import pytest

from domain.asset.events import AssetStored, AssetValidationFailed, FoundIssue
from domain.examination import ISSUES_MAX
from domain.format.media.movie import TRACKS_MAX
from tests.gateway.house import expect_problem
from tests.media import encodes
from tests.media.making import box, clip, ftyp, full_box, movie, song, truncated
from tests.scenarios.media.committing import PATH, committed

WHOLE = movie(clip(), song())


def unsound_last(warnings: int) -> bytes:
    """So many tracks whose samples lie in another file, a warning each; the last track lacks its handler."""
    content = movie(*(clip(1) for _ in range(warnings + 1)))
    content = content.replace(full_box("url ", flags=1), full_box("url "), warnings)
    before, _, after = content.rpartition(b"hdlr")
    return before + b"none" + after


def issues_of(content: bytes) -> list[str]:
    made = committed(content)
    expect_problem(made.answer, 422, "CORRUPTED_CONTAINER")
    assert made.body["details"]["recovery"] == ["salvage", "raw"]
    assert made.body["details"]["path"] == PATH
    return [issue["message"] for issue in made.body["details"]["issues"]]


def test_s4_1_a_whole_container_is_stored_as_media() -> None:
    made = committed(WHOLE)
    assert made.answer.status_code == 201, made.answer.text
    assert [event.mode for event in made.told(AssetStored) if isinstance(event, AssetStored)] == ["media"]
    assert made.facts is not None
    assert (made.facts.track_count, made.facts.errors) == (2, 0)


def test_s4_1_missing_mdat_alone_is_a_warning_and_passes() -> None:
    made = committed(ftyp() + movie()[len(ftyp() + box("mdat")) :])
    assert made.answer.status_code == 201, made.answer.text
    (warning,) = made.body["warnings"]
    assert (warning["code"], warning["warning"]) == ("container-warning", "Missing mdat box")
    assert made.answer.headers["X-Dits-Warning"] == "container-warning"
    assert made.asset.issues == (FoundIssue(severity="warning", message="Missing mdat box"),)
    assert (made.told(AssetValidationFailed), made.facts is not None) == ([], True)


def test_s4_1_bytes_behind_the_last_box_are_a_warning_and_pass() -> None:
    made = committed(WHOLE + bytes(5))
    (warning,) = made.body["warnings"]
    assert (warning["code"], warning["warning"]) == ("container-warning", "5 bytes follow the last box")


def test_s4_1_a_movie_beyond_the_limits_is_kept_and_said_to_be_not_looked_into() -> None:
    made = committed(movie(*(clip(1) for _ in range(TRACKS_MAX + 1))))
    assert made.asset.stored is not None
    assert (made.answer.status_code, made.asset.stored.mode) == (201, "raw")
    assert made.body["warnings"][0]["warning"].startswith("Not looked into: ")
    assert made.asset.issues[0].message == made.body["warnings"][0]["warning"]


def test_s4_1_a_missing_moov_is_refused_in_the_words_of_the_seed() -> None:
    assert "Missing moov box" in issues_of(ftyp() + box("mdat", b"x" * 100))


def test_s4_1_a_missing_ftyp_is_refused_in_the_words_of_the_seed() -> None:
    assert "Missing ftyp box" in issues_of(WHOLE[len(ftyp()) :])


def test_s4_1_a_wrong_size_is_refused_in_the_words_of_the_seed() -> None:
    declared = 40
    cut = ftyp() + box("moov") + (declared).to_bytes(4, "big") + b"mdat" + b"x" * 10
    assert f"Box mdat size mismatch: declared {declared}, actual 18" in issues_of(cut)


def test_s4_1_a_fast_start_file_that_was_cut_short_is_seen_where_decoders_see_nothing() -> None:
    found = issues_of(truncated(encodes.fast_start(), 60))
    assert any(message.startswith("Box mdat size mismatch") for message in found)
    assert any("lie outside the file" in message for message in found)


def test_s4_1_an_error_behind_many_warnings_is_refused_and_told_first() -> None:
    found = issues_of(unsound_last(ISSUES_MAX + 8))
    assert (len(found), found[0]) == (ISSUES_MAX, f"Parse failed: track {ISSUES_MAX + 9} has no hdlr")


def test_s4_1_a_refusal_is_an_event_and_leaves_no_commit() -> None:
    made = committed(truncated(WHOLE, 60))
    (failed,) = made.told(AssetValidationFailed)
    assert isinstance(failed, AssetValidationFailed)
    assert (failed.path, failed.issues[0].severity) == (PATH, "error")
    assert made.asset.stored is None


def test_s4_1_a_damaged_container_is_kept_raw_by_explicit_choice() -> None:
    made = committed(truncated(WHOLE, 60), raw=[PATH])
    assert made.answer.status_code == 201, made.answer.text
    assert made.asset.stored is not None
    assert made.asset.stored.mode == "raw"
    (warning,) = made.body["warnings"]
    assert (warning["code"], warning["fallback"]) == ("corrupted-container", "raw")
    assert len(made.told(AssetValidationFailed)) == 1


def test_s4_1_an_older_edition_refuses_what_is_damaged_too() -> None:
    expect_problem(committed(truncated(WHOLE, 60), version="v1").answer, 422, "CORRUPTED_CONTAINER")


def test_s4_1_the_same_content_is_told_of_once() -> None:
    made = committed(WHOLE, tries=3)
    assert len(made.told(AssetStored)) == 1


@pytest.mark.parametrize("content", [b"a script", b"\x00" * 4_096, b"", b"ftyp"])
def test_s4_1_what_is_no_media_is_nothing_to_look_at(content: bytes) -> None:
    made = committed(content or b"x")
    assert (made.answer.status_code, made.events, made.facts) == (201, (), None)
    assert "X-Dits-Warning" not in made.answer.headers


def test_s4_1_a_tree_that_a_client_made_gets_its_facts() -> None:
    made = committed(WHOLE, as_tree=True)
    assert made.answer.status_code == 201, made.answer.text
    assert made.facts == committed(WHOLE).facts


def test_s4_1_a_tree_that_a_client_made_is_looked_at_as_well() -> None:
    expect_problem(committed(truncated(WHOLE, 60), as_tree=True).answer, 422, "CORRUPTED_CONTAINER")
