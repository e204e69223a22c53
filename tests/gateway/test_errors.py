"""Every error has a status, and the envelope tells no more than it should."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import (
    ConcurrencyConflictError,
    DitsError,
    LockHeldError,
    LogRegressedError,
    MemoryPressureError,
    NoCurrentVersionError,
    OutcomeUnknownError,
    RangeNotSatisfiableError,
    StaleHeadError,
    UnavailableError,
    UploadOffsetMismatchError,
)
from gateway import errors
from gateway.errors import problem_of, status_of, told


def every_error(base: type[DitsError] = DitsError) -> Iterator[type[DitsError]]:
    for cls in base.__subclasses__():
        yield cls
        yield from every_error(cls)


@pytest.mark.parametrize("cls", sorted(set(every_error()), key=str))
def test_every_error_has_a_status(cls: type[DitsError]) -> None:
    assert status_of(cls) in {*range(400, 406), 408, 409, 410, *range(413, 417), 422, 429, 431, 500, 503, 507}


def test_a_status_is_only_given_to_codes_that_there_are() -> None:
    codes = {cls.code for cls in every_error()}
    later = {"NOT_ACCEPTABLE", "URI_TOO_LONG", "REQUEST_HEADER_FIELDS_TOO_LARGE"}
    assert set(errors.STATUS_OF_CODE) - later <= codes
    assert set(errors.RETRY_AFTER_S) <= codes


def test_a_moved_head_is_a_failed_precondition_if_one_was_sent() -> None:
    for error in (
        StaleHeadError(branch="b", head="1", expected="2"),
        ConcurrencyConflictError(aggregate="a"),
    ):
        assert (problem_of(error).status, problem_of(error, if_match=True).status) == (409, 412)


def test_what_may_be_tried_again_says_when() -> None:
    for error in (UnavailableError(dependency="NATS"), LogRegressedError(sequence=1)):
        assert ("Retry-After", "60") in problem_of(error).headers


@pytest.mark.parametrize("cls", [UnavailableError, OutcomeUnknownError])
def test_an_outage_says_what_is_away_and_what_to_do(cls: type[UnavailableError]) -> None:
    """V7.5a: one message, whatever it is; the rest is in the details."""
    error = cls(dependency="the event log")
    problem = problem_of(error)
    assert (problem.status, problem.message) == (503, "Version service temporarily unavailable")
    assert problem.details == {
        "reason": "DEPENDENCY_UNAVAILABLE",
        "dependency": "the event log",
        "advice": error.message,
    }


@pytest.mark.parametrize(
    "error", [MemoryPressureError(reason="MEMORY_PRESSURE"), NoCurrentVersionError(), errors.BusyError()]
)
def test_what_is_no_outage_keeps_its_own_message(error: DitsError) -> None:
    problem = problem_of(error)
    assert (problem.status, problem.message) == (503, error.message)
    assert ("Retry-After", "60") in problem.headers
    assert problem.details["reason"] == error.facts.get("reason", "DEPENDENCY_UNAVAILABLE")


def test_headers_that_belong_to_an_error() -> None:
    offset = problem_of(UploadOffsetMismatchError(path="a", offset=7, given=9))
    assert (offset.status, offset.headers) == (409, (("Upload-Offset", "7"),))
    outside = problem_of(RangeNotSatisfiableError(size_bytes=10))
    assert (outside.status, outside.headers) == (416, (("Content-Range", "bytes */10"),))


def test_a_bug_tells_nothing() -> None:
    assert problem_of(DitsError(path="/srv/secret")) == errors.INTERNAL


def test_a_recorded_failure_is_told_as_it_was() -> None:
    facts = {"path": "a", "holder": "ann", "since": "noon"}
    again = problem_of(told("LOCK_HELD", LockHeldError(**facts).message, facts, replayed=True))
    first = problem_of(LockHeldError(**facts))
    assert (again.status, again.message, again.details) == (first.status, first.message, first.details)
    assert ("Idempotency-Replayed", "true") in again.headers


@given(st.text(), st.text())
def test_the_envelope_is_json_without_raw_control_characters(instance: str, fact: str) -> None:
    problem = errors.Problem(400, "X_Y", "m", {"fact": fact.encode("utf-8", "replace").decode()})
    body = problem.body(instance, "id")
    assert json.loads(body)["code"] == "X_Y"
    assert not any(byte < 0x20 for byte in body)
