"""From an error to the problem that is said of it, at any door: the gateway's error edge (style rule 16).

Promises: a bug says nothing about itself, is one ERROR line each time and one alert in five minutes (V7.4);
who is turned away is counted and logged without what they showed.
"""

from __future__ import annotations

import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import structlog
from starlette.exceptions import HTTPException

from domain.errors import DitsError
from gateway.auth import note_refusal
from gateway.errors import INTERNAL, Problem, RouteNotFoundError, ToldError, problem_of
from gateway.http_door import ClientGone
from gateway.measures import Measures
from gateway.signals import Signals

T = TypeVar("T")

log = structlog.get_logger("gateway.edge")


@dataclass(frozen=True, slots=True)
class Refused:
    """What is said, and the error that it is said of; None of a bug that was no error of ours."""

    problem: Problem
    error: DitsError | None = None

    def written(self, instance: str, correlation_id: str) -> Written:
        """The plainest answer there is if writing it fails (V7.4e)."""
        problem = self.problem
        try:
            body = problem.body(instance, correlation_id)
            headers = [(name.encode("latin-1"), text.encode("latin-1")) for name, text in problem.headers]
        except Exception as bug:  # noqa: BLE001 -- the error edge
            _say_what_met(bug)
            return Written(500, MINIMAL, [])
        return Written(problem.status, body, headers)


class Written(NamedTuple):
    """A problem as it is sent; its length and type are said by the door."""

    status: int
    body: bytes
    headers: list[tuple[bytes, bytes]]


MINIMAL = (
    b'{"type":"about:blank","title":"Internal server error","status":500,"code":"INTERNAL_SERVER_ERROR",'
    b'"message":"An unexpected error occurred","detail":"An unexpected error occurred"}'
)


class Refusals(NamedTuple):
    """One a request."""

    measures: Measures
    signals: Signals
    correlation_id: str
    if_match: bool = False

    async def of(self, serving: Awaitable[None]) -> Refused | None:
        """None if it went well, or if nobody is left to hear."""
        try:
            await serving
        except ClientGone:
            return None
        except DitsError as error:
            if error.kind == "bug" and not isinstance(error, ToldError):
                self._unexpected(error)
            note_refusal(error, self.measures.auth_failures)
            return Refused(problem_of(error, if_match=self.if_match), error)
        except HTTPException as error:
            return Refused(problem_of(RouteNotFoundError()) if error.status_code == 404 else INTERNAL)
        except Exception as bug:  # noqa: BLE001 -- the error edge
            self._unexpected(bug)
            return Refused(INTERNAL)
        return None

    def _unexpected(self, bug: Exception) -> None:
        _say_what_met(bug)
        self.signals.alert("unhandled_exception", "critical", "a request met a bug", self.correlation_id)


def unless_it_breaks(attempt: Callable[[], T]) -> T | None:
    """Of a short cut; None after a bug: the way around will do, or meet the same bug and answer it."""
    try:
        return attempt()
    except Exception as bug:  # noqa: BLE001 -- the error edge
        log.error("request.short_cut_failed", exception=f"{type(bug).__name__}: {bug}")
        return None


def _say_what_met(bug: Exception) -> None:
    """The fields of V7.4."""
    stack = "".join(traceback.format_exception(bug))
    log.error("request.unhandled_exception", exception=f"{type(bug).__name__}: {bug}", stack=stack)
