"""How an error looks from outside: the only place of HTTP error statuses, and the one envelope.

Promises: every error is `application/problem+json` (RFC 9457) with the members of versioning.yaml; it carries
the correlation id and never a stack trace, a file path, SQL or raw client bytes (V7.4).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from domain.errors import (
    DitsError,
    Fact,
    InvalidBodyError,
    InvalidQueryError,
    Kind,
    MalformedBodyError,
    NotNowError,
    UnavailableError,
    by_code,
)
from gateway.challenges import refusal_for

DOCS = "https://docs.dits.example"
MEDIA_TYPE = "application/problem+json"
VARY = "X-API-Version, API-Version, X-API-Key, Authorization, X-API-Prerelease-Opt-In"
CREDENTIAL = re.compile(rb"dits_[0-9a-f]{8,}[A-Za-z0-9_-]*|eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)*")
"""A key or a token, or its beginning, that a client put where its value is said again: never said (I9)."""
PROBLEMS_MAX = 10
ECHOED_CHARACTERS_MAX = 64
"""Of anything a client sent (R40)."""

STATUS_OF_KIND: Mapping[Kind, int] = {
    "invalid": 400,
    "unauthorized": 401,
    "forbidden": 403,
    "missing": 404,
    "conflict": 409,
    "gone": 410,
    "too_large": 413,
    "unprocessable": 422,
    "throttled": 429,
    "unavailable": 503,
    "full": 507,
    "corrupt": 500,
    "bug": 500,
}
STATUS_OF_CODE: Mapping[str, int] = {
    "METHOD_NOT_ALLOWED": 405,
    "NOT_ACCEPTABLE": 406,
    "REQUEST_TIMEOUT": 408,
    "URI_TOO_LONG": 414,
    "UNSUPPORTED_MEDIA_TYPE": 415,
    "RANGE_NOT_SATISFIABLE": 416,
    "REQUEST_HEADER_FIELDS_TOO_LARGE": 431,
}
"""Where HTTP has a finer word than the kind."""
PRECONDITION_CODES = frozenset({"CONCURRENCY_CONFLICT", "STALE_HEAD"})
PRECONDITION_STATUS = 412
"""Of those, when If-Match was sent (S3.1)."""
RETRY_AFTER_S: Mapping[str, int] = {
    "SERVICE_UNAVAILABLE": 60,
    "READ_NOT_YET_CONSISTENT": 1,
    "SERIALIZATION_FAILURE": 1,
    "WRITE_VERIFICATION_FAILED": 5,
    "IDEMPOTENCY_KEYRING_FULL": 60,
}
"""R28, R44: 60 for a dependency, the row's own for the others."""
RETRY_AFTER_DEFAULT_S = 60
RETRIED_KINDS: frozenset[Kind] = frozenset({"unavailable", "throttled"})


# ------------------------------------------------------------------ errors that only a door knows
class RouteNotFoundError(DitsError):
    """There is nothing at this address"""

    code = "NOT_FOUND"
    kind = "missing"


class MethodNotAllowedError(DitsError):
    """This address does not take {method}; it takes {allowed}"""

    code = "METHOD_NOT_ALLOWED"
    kind = "invalid"


class UnsupportedMediaTypeError(DitsError):
    """This address takes {expected}"""

    code = "UNSUPPORTED_MEDIA_TYPE"
    kind = "invalid"


class BodyTimeoutError(DitsError):
    """The body did not go on within {limit_s} seconds"""

    code = "REQUEST_TIMEOUT"
    kind = "invalid"


class MalformedRequestError(DitsError):
    """The request is not well-formed HTTP: {reason}"""

    code = "MALFORMED_REQUEST"
    kind = "invalid"


class HeadTimeoutError(BodyTimeoutError):
    """The head of the request did not arrive within {limit_s} seconds"""


class UriTooLongError(DitsError):
    """The target of the request has more than {limit_bytes} bytes"""

    code = "URI_TOO_LONG"
    kind = "too_large"


class HeaderFieldsTooLargeError(DitsError):
    """The header fields are too large: {rule}"""

    code = "REQUEST_HEADER_FIELDS_TOO_LARGE"
    kind = "too_large"


class BusyError(NotNowError):
    """Too many requests are waiting here; try the same request again"""


class ToldError(DitsError):
    """{message}"""

    def __init__(self, problem: Problem) -> None:
        super().__init__(message=problem.message)
        self.problem = problem


# ------------------------------------------------------------------ the envelope
@dataclass(frozen=True, slots=True)
class Problem:
    """An error, ready to be said through any door."""

    status: int
    code: str
    message: str
    details: Mapping[str, Fact]
    headers: tuple[tuple[str, str], ...] = ()

    def body(self, instance: str, correlation_id: str) -> bytes:
        details = dict(self.details)
        available = details.get("available_versions")
        compat = CompatBody(
            code=self.code,
            message=self.message,
            correlation_id=correlation_id,
            details=details,
            available_versions=tuple(map(str, available)) if isinstance(available, tuple) else None,
        )
        body = ProblemBody(
            type=f"{DOCS}/problems/{self.code.lower().replace('_', '-')}",
            title=self.code.replace("_", " ").capitalize(),
            status=self.status,
            detail=self.message,
            instance=escaped(instance, characters_max=256),
            code=self.code,
            message=self.message,
            correlation_id=correlation_id,
            details=details,
            error=compat,
        )
        return CREDENTIAL.sub(b"[REDACTED]", body.model_dump_json(exclude_none=True).encode())


class CompatBody(BaseModel):
    """The same under `error`, for clients of the flat form (R24)."""

    model_config = ConfigDict(frozen=True)
    code: str
    message: str
    correlation_id: str
    details: dict[str, Fact]
    available_versions: tuple[str, ...] | None = None
    """The same as in the details, if they name any."""


class ProblemBody(BaseModel):
    """Every error's body (RFC 9457 and the flat form)."""

    model_config = ConfigDict(frozen=True)
    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str = Field(description="Stable; what programs look at.")
    message: str
    correlation_id: str
    details: dict[str, Fact]
    error: CompatBody


OUTAGE = "Version service temporarily unavailable"
"""Of whatever dependency: the versioned API is what its callers know of us (V7.5). What is meant, and what to
do, is in the details."""
INTERNAL = Problem(500, "INTERNAL_SERVER_ERROR", "An unexpected error occurred", {})


def problem_of(error: DitsError, *, if_match: bool = False) -> Problem:
    """What is said of an error. A bug of ours says nothing about itself."""
    if isinstance(error, ToldError):
        return error.problem
    if error.kind == "bug":
        return INTERNAL
    if isinstance(error, UnavailableError):
        return _problem(type(error), OUTAGE, {**error.facts, "advice": error.message}, if_match=False)
    return _problem(type(error), error.message, error.facts, if_match=if_match)


def told(code: str, message: str, details: Mapping[str, Fact], *, replayed: bool) -> ToldError:
    """An error that was recorded earlier, by its code, to be said as it was then."""
    cls = by_code(code) or DitsError
    problem = _problem(cls, message, details, if_match=False)
    headers = (*problem.headers, ("Idempotency-Replayed", "true")) if replayed else problem.headers
    return ToldError(Problem(problem.status, code, message, problem.details, headers))


def status_of(cls: type[DitsError]) -> int:
    return STATUS_OF_CODE.get(cls.code) or STATUS_OF_KIND[cls.kind]


def _problem(cls: type[DitsError], message: str, facts: Mapping[str, Fact], *, if_match: bool) -> Problem:
    status = status_of(cls)
    if if_match and cls.code in PRECONDITION_CODES:
        status = PRECONDITION_STATUS
    details = dict(facts)
    if cls.code == "SERVICE_UNAVAILABLE":
        details = {"reason": "DEPENDENCY_UNAVAILABLE", **details}
    return Problem(status, cls.code, message, details, tuple(_headers(cls, facts)))


def _headers(cls: type[DitsError], facts: Mapping[str, Fact]) -> list[tuple[str, str]]:
    headers: list[tuple[str, str]] = []
    if cls.kind in RETRIED_KINDS:
        headers.append(("Retry-After", str(_retry_after_s(cls.code, facts))))
    match cls.code:
        case "UNAUTHORIZED":
            challenges = refusal_for(facts["reason"]).challenges
            headers += [("WWW-Authenticate", challenge) for challenge in challenges]
        case "METHOD_NOT_ALLOWED":
            headers.append(("Allow", str(facts["allowed"])))
        case "UPLOAD_OFFSET_MISMATCH":
            headers.append(("Upload-Offset", str(facts["offset"])))
        case "RANGE_NOT_SATISFIABLE":
            headers.append(("Content-Range", f"bytes */{facts['size_bytes']}"))
        case "BODY_TOO_LARGE" | "REQUEST_TIMEOUT":
            # What is left of the body is not read, so the connection cannot go on.
            headers.append(("Connection", "close"))
        case _:
            pass
    return headers


def _retry_after_s(code: str, facts: Mapping[str, Fact]) -> Fact:
    """Of a rate limit: until its window ends (R28)."""
    if code == "RATE_LIMIT_EXCEEDED":
        return facts["retry_after"]
    return RETRY_AFTER_S.get(code, RETRY_AFTER_DEFAULT_S)


# ------------------------------------------------------------------ pydantic's findings
def body_error(error: ValidationError) -> DitsError:
    """MalformedBodyError if it is no JSON, else InvalidBodyError naming every problem, without input."""
    found = error.errors(include_url=False, include_input=False, include_context=False)
    if found[0]["type"] in {"json_invalid", "json_type"}:
        return MalformedBodyError(expected="JSON", reason=escaped(found[0]["msg"], characters_max=120))
    return InvalidBodyError(problems=_problems(found))


def query_error(error: ValidationError) -> DitsError:
    found = error.errors(include_url=False, include_input=False, include_context=False)
    return InvalidQueryError(problems=_problems(found))


def _problems(found: list[ErrorDetails]) -> tuple[str, ...]:
    named = tuple(
        f"{_place(problem)}: {escaped(problem['msg'], characters_max=120)}"
        for problem in found[:PROBLEMS_MAX]
    )
    left = len(found) - PROBLEMS_MAX
    return (*named, f"and {left} more") if left > 0 else named


def _place(problem: ErrorDetails) -> str:
    return escaped(".".join(str(part) for part in problem["loc"]) or "body")


def escaped(text: str, *, characters_max: int = ECHOED_CHARACTERS_MAX) -> str:
    """A client's value as it may be echoed or logged (R40)."""
    return text[:characters_max].encode("unicode_escape").decode()[:characters_max]
