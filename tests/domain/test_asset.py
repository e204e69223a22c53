"""An asset remembers what was found in a content, and what was made of it (S4.1-S4.5)."""

from __future__ import annotations

from dataclasses import replace

from domain.asset import decider as assets
from domain.asset.decider import (
    FAILURES_MAX,
    AskSalvage,
    Asset,
    EndSalvage,
    RecordFailure,
    RecordFindings,
    RecordPicture,
)
from domain.asset.events import (
    AssetEvent,
    AssetSalvaged,
    AssetStored,
    AssetValidationFailed,
    FoundIssue,
    PictureDrawn,
    SalvageAsked,
    SalvageFailed,
    UnsupportedCodecFlagged,
)
from domain.ids import CommitId, ConsumerId, FilePath
from tests.domain.examples import COMMIT, FILM, MAIN, named
from tests.spec import Spec

given = Spec(assets.DECIDER).given
REEL = named("reel")
PATH, TARGET = FilePath("reel.mov"), FilePath("reel.salvaged.mov")
STORED = AssetStored(repo=FILM, recipe=REEL, size_bytes=9, mode="raw", facts=b"facts", issues=(), reader=1)
FLAGGED = UnsupportedCodecFlagged(repo=FILM, recipe=REEL, codecs=("ap4h",))
ISSUE = FoundIssue(severity="error", message="Missing moov box")
FAILED = AssetValidationFailed(repo=FILM, recipe=REEL, path=PATH, commit=COMMIT, issues=(ISSUE,))
ASKED = SalvageAsked(
    repo=FILM,
    recipe=REEL,
    path=PATH,
    target=TARGET,
    branch=MAIN,
    branch_name="main",
    asked_by=ConsumerId("ann"),
    asked_by_name="ann",
)
SALVAGED = AssetSalvaged(repo=FILM, recipe=REEL, salvaged=named("playable"), target=TARGET, commit=COMMIT)
UNSALVAGED = SalvageFailed(repo=FILM, recipe=REEL, code="NOTHING_PLAYABLE", reason="no picture")
POSTER = PictureDrawn(
    repo=FILM, recipe=REEL, kind="poster", picture=named("poster"), size_bytes=9, width=16, height=9
)


def state(*history: AssetEvent) -> Asset:
    return given(*history).state


def test_what_is_found_is_said_once() -> None:
    found = RecordFindings((STORED, FLAGGED))
    given().when(found).then(STORED, FLAGGED)
    given(STORED, FLAGGED).when(found).then_nothing()


def test_a_newer_reader_says_what_is_new() -> None:
    newer = STORED.model_copy(update={"reader": 2})
    given(STORED, FLAGGED).when(RecordFindings((newer, FLAGGED))).then(newer)


def test_an_older_reader_has_nothing_to_say() -> None:
    newer = STORED.model_copy(update={"reader": 2})
    given(newer).when(RecordFindings((STORED, FLAGGED))).then_nothing()


def test_damage_is_said_once_a_commit_and_path() -> None:
    given().when(RecordFailure(FAILED)).then(FAILED)
    given(FAILED).when(RecordFailure(FAILED)).then_nothing()
    elsewhere = FAILED.model_copy(update={"path": TARGET})
    given(FAILED).when(RecordFailure(elsewhere)).then(elsewhere)
    assert state(FAILED).issues == (ISSUE,)


def test_the_issues_are_those_of_the_last_look() -> None:
    warned = STORED.model_copy(
        update={"issues": (FoundIssue(severity="warning", message="Missing mdat box"),)}
    )
    assert state(FAILED, warned).issues == warned.issues
    assert state(warned, FAILED).issues == (ISSUE,)


def test_what_is_remembered_of_failures_is_bounded() -> None:
    tries = [FAILED.model_copy(update={"commit": CommitId(f"{n:032x}")}) for n in range(FAILURES_MAX + 1)]
    assert len(state(*tries).failures) == 1


def test_a_salvage_is_asked_for_once_at_a_time() -> None:
    given().when(AskSalvage(ASKED)).then(ASKED)
    given(ASKED).when(AskSalvage(ASKED)).then_nothing()
    given(ASKED, SALVAGED).when(AskSalvage(ASKED)).then(ASKED)


def test_a_salvage_ends_once() -> None:
    given(ASKED).when(EndSalvage(SALVAGED)).then(SALVAGED)
    given(ASKED, SALVAGED).when(EndSalvage(UNSALVAGED)).then_nothing()
    given().when(EndSalvage(SALVAGED)).then_nothing()


def test_why_a_salvage_failed_is_known_until_the_next() -> None:
    assert state(ASKED, UNSALVAGED) == replace(Asset(), unsalvaged=UNSALVAGED)
    assert state(ASKED, UNSALVAGED, ASKED).unsalvaged is None


def test_a_picture_is_news_only_if_it_is_another_one() -> None:
    given().when(RecordPicture(POSTER)).then(POSTER)
    given(POSTER).when(RecordPicture(POSTER)).then_nothing()
