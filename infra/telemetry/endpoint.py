"""One OTLP endpoint over HTTP: a request is sent once, within a time limit, and its answer judged.

Promises: nothing is raised for what a collector does or does not do; neither address nor headers are shown,
for either may hold a secret (I9); redirects are not followed, so headers go nowhere else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import cast
from urllib.parse import unquote, urlsplit

from urllib3 import BaseHTTPResponse, PoolManager, Timeout
from urllib3.exceptions import HTTPError

from domain.errors import SettingsError
from domain.ports import Clock

SEND_TIMEOUT_S = 2.0
"""Of one request. What a stop waits for holds one that is under way and one more."""
ANSWER_BYTES_MAX = 64 * 1024
HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}")
HEADER_TEXT = re.compile(r"[\x20-\x7e]{0,4096}")
REJECTED = re.compile(r"[0-9]{1,9}")
OK = 200
NEVER_STATUSES = frozenset({400, 413, 422})
"""What was sent is wrong in itself. Any other refusal is the collector's state, or its operator's to mend."""


class Verdict(Enum):
    TAKEN = "taken"
    LATER = "later"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one request."""

    verdict: Verdict
    reason: str = ""
    """A status or the name of an error; empty if it was taken."""
    retry_after_s: float = 0.0
    rejected: int = 0
    """Spans or points that a collector took the rest without."""


class Endpoint:
    """For one thread. `headers` go with every request."""

    def __init__(self, url: str, headers: Mapping[str, str], clock: Clock) -> None:
        """Raises SettingsError for what is no HTTP address."""
        if urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname:
            raise SettingsError(problems="the address of an OTLP endpoint is no http:// or https:// URL")
        self._url = url
        self._clock = clock
        ours = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
        self._headers = {"User-Agent": "dits", **headers, **ours}
        self._pool = PoolManager(num_pools=1, maxsize=1, retries=False)

    def send(self, request: bytes, timeout_s: float = SEND_TIMEOUT_S) -> Answer:
        until_ms = self._clock.monotonic_ms() + int(timeout_s * 1_000)
        timeout = Timeout(connect=timeout_s, read=timeout_s, total=timeout_s)
        try:
            response = self._pool.request(
                "POST",
                self._url,
                body=request,
                headers=self._headers,
                timeout=timeout,
                redirect=False,
                preload_content=False,
            )
            return _judged(response, self._body(response, until_ms))
        except HTTPError as error:
            return Answer(Verdict.LATER, type(error).__name__)

    def _body(self, response: BaseHTTPResponse, until_ms: int) -> bytes:
        """What comes of it in time: a time-out is of one read, and a body may come byte by byte."""
        body = b""
        while len(body) < ANSWER_BYTES_MAX and self._clock.monotonic_ms() < until_ms:
            part = response.read1(ANSWER_BYTES_MAX)
            if not part:
                response.release_conn()
                return body
            body += part
        response.close()
        return body


def headers_in(text: str) -> dict[str, str]:
    """``name=value,name=value``, percent-encoded, as OTEL_EXPORTER_OTLP_HEADERS. Raises SettingsError."""
    headers: dict[str, str] = {}
    for member in filter(None, map(str.strip, text.split(","))):
        name, has_value, value = member.partition("=")
        name, value = name.strip(), unquote(value.strip())
        if not (has_value and HEADER_NAME.fullmatch(name) and HEADER_TEXT.fullmatch(value)):
            raise SettingsError(problems="DITS_OTLP_HEADERS is not name=value,name=value")
        headers[name] = value
    return headers


def _judged(response: BaseHTTPResponse, body: bytes) -> Answer:
    if response.status == OK:
        return Answer(Verdict.TAKEN, rejected=_rejected(body))
    verdict = Verdict.NEVER if response.status in NEVER_STATUSES else Verdict.LATER
    retry_after = response.headers.get("Retry-After", "")
    return Answer(verdict, str(response.status), float(retry_after) if retry_after.isdecimal() else 0.0)


def _rejected(body: bytes) -> int:
    """``partialSuccess`` of an answer; 0 for an answer that says nothing we know."""
    try:
        answer: object = json.loads(body)
    except (ValueError, RecursionError):
        return 0
    partial = answer.get("partialSuccess") if isinstance(answer, dict) else None
    if not isinstance(partial, dict):
        return 0
    members = cast("dict[str, object]", partial)
    count = str(members.get("rejectedSpans", members.get("rejectedDataPoints", 0)))
    return int(count) if REJECTED.fullmatch(count) else 0
