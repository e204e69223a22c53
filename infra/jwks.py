"""Fetches the OAuth issuer's keys: one bounded request, over TLS unless the issuer is on this machine.

Promises: it ends within its time limit however slowly the answer drips, takes a bounded number of bytes, and
follows no redirect, so that nobody else's keys are taken for the issuer's (V4.3, RFC 7517).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from urllib3 import BaseHTTPResponse, PoolManager, Timeout
from urllib3.exceptions import HTTPError

from domain.errors import UnavailableError
from domain.ports import Clock
from infra.settings import is_safe

FETCH_TIMEOUT_S = 5.0
JWKS_BYTES_MAX = 256 * 1024
BLOCK_BYTES = 16 * 1024
OK = 200
HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "dits"}
ISSUER = "the OAuth issuer"
Context = Callable[[], Mapping[str, str]]


class HttpKeySource:
    """For one thread at a time, as its caller promises."""

    def __init__(
        self, url: str, clock: Clock, *, timeout_s: float = FETCH_TIMEOUT_S, context: Context = dict
    ) -> None:
        """`context` names the headers of what is under way; a fetch carries them (V10.1d)."""
        assert is_safe(url), "the settings refuse others"
        self._url = url
        self._clock = clock
        self._timeout_s = timeout_s
        self._context = context
        self._pool = PoolManager(num_pools=1, maxsize=1, retries=False)

    def fetch(self) -> bytes:
        """Raises UnavailableError; its cause says what went wrong."""
        until_ms = self._clock.monotonic_ms() + int(self._timeout_s * 1_000)
        try:
            response = self._pool.request(
                "GET",
                self._url,
                headers={**HEADERS, **self._context()},
                timeout=Timeout(total=self._timeout_s),
                redirect=False,
                preload_content=False,
            )
        except HTTPError as error:
            raise UnavailableError(dependency=ISSUER) from error
        try:
            return self._body(response, until_ms)
        except (HTTPError, ValueError) as error:
            raise UnavailableError(dependency=ISSUER) from error
        finally:
            response.close()

    def _body(self, response: BaseHTTPResponse, until_ms: int) -> bytes:
        """Raises ValueError, HTTPError."""
        if response.status != OK:
            raise ValueError(f"status {response.status}")
        body = bytearray()
        while block := response.read1(BLOCK_BYTES, decode_content=False):
            body += block
            if len(body) > JWKS_BYTES_MAX:
                raise ValueError(f"more than {JWKS_BYTES_MAX} bytes")
            if self._clock.monotonic_ms() > until_ms:
                raise ValueError(f"more than {self._timeout_s} seconds")
        return bytes(body)
