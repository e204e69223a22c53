"""What administrators ask: API keys and projections; and who we are."""

from __future__ import annotations

from collections.abc import Sequence

from . import operations as op
from .calls import Calls
from .results import Fields, IssuedKey, Key, Principal, Projection
from .wire import Json


class Keys:
    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def issue(
        self,
        name: str,
        scopes: Sequence[str],
        repos: Sequence[str] | None = None,
        *,
        version: str | None = None,
    ) -> IssuedKey:
        """A key for this consumer, shown once; `repos` None is all of them, to `version` it is pinned."""
        body: Json = {"name": name, "scopes": list(scopes), "repos": None if repos is None else list(repos)}
        if version is not None:
            body = {**body, "version": version}
        return IssuedKey.of(self._calls.ask(op.KEYS_ISSUE, body=body))

    def list(self) -> tuple[Key, ...]:
        return tuple(self._calls.items(op.KEYS_LIST, {}, Key.of))

    def revoke(self, consumer: str, key_id: str, *, reason: str) -> None:
        where = {"consumer": consumer, "key_id": key_id}
        self._calls.ask(op.KEYS_REVOKE, where, query={"reason": reason})

    def limit(self, consumer: str, requests_per_minute: int | None) -> None:
        """Over all keys of the consumer; None is what everybody has."""
        body: Json = {"requests_per_minute": requests_per_minute}
        self._calls.ask(op.KEYS_LIMIT, {"consumer": consumer}, body=body)

    def pin(self, consumer: str, key_id: str, version: str | None) -> None:
        """The version of the API for requests that name none; None is the server's default."""
        where = {"consumer": consumer, "key_id": key_id}
        self._calls.ask(op.KEYS_PIN, where, body={"version": version})

    def whoami(self) -> Principal:
        return Principal.of(self._calls.ask(op.WHOAMI))


class Projections:
    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def list(self) -> tuple[Projection, ...]:
        return tuple(self._calls.items(op.PROJECTIONS_LIST, {}, Projection.of))

    def digest(self, name: str) -> str:
        return self._calls.ask(op.PROJECTIONS_DIGEST, {"name": name}).text("digest")

    def parked(self) -> tuple[Json, ...]:
        """The events that do not fit, as the server tells them."""
        return tuple(self._calls.items(op.PROJECTIONS_PARKED, {}, _raw))

    def retry(self, name: str, *, aggregate: str, reason: str) -> None:
        self._calls.ask(op.PROJECTIONS_RETRY, {"name": name}, body={"aggregate": aggregate, "reason": reason})

    def skip(self, name: str, *, sequence: int, index: int, aggregate: str, reason: str) -> None:
        """Leave one event out, for ever and in every rebuild."""
        body: Json = {"sequence": sequence, "index": index, "aggregate": aggregate, "reason": reason}
        self._calls.ask(op.PROJECTIONS_SKIP, {"name": name}, body=body)


def _raw(fields: Fields) -> Json:
    return fields.raw
