"""Skips and retries of poison events are facts, so a rebuild knows them too (I5)."""

from __future__ import annotations

from domain import readmodel
from domain.readmodel import ProjectionEventSkipped, ProjectionStreamRetried, RetryStream, SkipEvent
from tests.spec import Spec

given = Spec(readmodel.DECIDER).given
SKIPPED = ProjectionEventSkipped(
    projection="refcounts", aggregate="session.5e", sequence=7, index=0, reason="bad"
)
RETRIED = ProjectionStreamRetried(projection="refcounts", aggregate="session.5e", reason="mended")


def test_a_poison_event_is_skipped_with_a_reason() -> None:
    given().when(SkipEvent("refcounts", "session.5e", 7, 0, "bad")).then(SKIPPED)


def test_skipping_twice_is_no_news() -> None:
    given(SKIPPED).when(SkipEvent("refcounts", "session.5e", 7, 0, "still bad")).then_nothing()


def test_the_next_event_of_the_same_message_is_another_one() -> None:
    skip = given(SKIPPED).when(SkipEvent("refcounts", "session.5e", 7, 1, "bad"))
    skip.then(SKIPPED.model_copy(update={"index": 1}))


def test_a_parked_stream_may_be_tried_any_number_of_times() -> None:
    retry = RetryStream("refcounts", "session.5e", "mended")
    given(SKIPPED).when(retry).then(RETRIED)
    given(SKIPPED, RETRIED).when(retry).then(RETRIED)
    assert given(SKIPPED, RETRIED).state.skipped == {(7, 0)}
