"""Credentials and what they open: from headers to a caller, and from a caller to yes or no (S5.5, V4.1-4.3).

Promises: an answer never hints at what was wrong with a key or a token; a private repository answers 404 to a
key that is not for it and 401 to anonymous, as one that is not there does; only keyed digests are compared,
after the same steps for any text, so time tells nothing about a guess (I9, V4.2).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import assert_never

import structlog
from blake3 import blake3

from domain import consumer as consumers
from domain import repository as repositories
from domain.consumer import grants
from domain.counting import Count
from domain.errors import DitsError, ForbiddenError, NotFoundError, UnauthorizedError
from domain.ids import ConsumerId, RepoId, parse_name, repo_id
from domain.ports import EventLog
from gateway.caller import REQUESTS_PER_MINUTE, Anonymous, Caller, Directory, Principal, RepoFacts
from gateway.challenges import INVALID_KEY, LOGIN_NEEDED, Failure, refusal_for
from gateway.oauth import Tokens, invalid_token

KEY_HEADER, TOKEN_HEADER = "x-api-key", "authorization"
KEY_PATTERN = re.compile(r"dits_([0-9a-f]{32})_[A-Za-z0-9_-]{43}")
SECRET_BYTES = 32
PEPPER_BYTES = 32
ANONYMOUS = Anonymous()

log = structlog.get_logger("gateway.auth")


@dataclass(frozen=True, slots=True)
class KeyDigests:
    """The keyed digest of API keys; the pepper never leaves it."""

    pepper: bytes = field(repr=False)

    def __post_init__(self) -> None:
        assert len(self.pepper) == PEPPER_BYTES, "a pepper has 32 bytes"

    def of(self, key: str) -> bytes:
        """Of any text; what cannot be encoded is no key, and no key's digest."""
        return blake3(key.encode(errors="replace"), key=self.pepper).digest()


def key_text(consumer: ConsumerId, secret: bytes) -> str:
    """What is shown once: names its consumer, so that a key not seen yet is found without a table."""
    assert len(secret) == SECRET_BYTES
    return f"dits_{consumer}_{base64.urlsafe_b64encode(secret).decode().rstrip('=')}"


def known_caller(
    directory: Directory, digests: KeyDigests, tokens: Tokens | None, headers: Mapping[str, str]
) -> Caller | None:
    """The caller, if that can be said without waiting; None is to be asked of `found_caller` in a thread.

    An API key decides alone if there is one, also an empty one (R32); else a bearer token does. Without
    `tokens` no OAuth issuer is configured, so none is valid. Raises UnauthorizedError.
    """
    key = headers.get(KEY_HEADER)
    if key is not None:
        return _known_key(directory, digests, key)
    credentials = headers.get(TOKEN_HEADER)
    if credentials is None:
        return ANONYMOUS
    token = _bearer_token(credentials)
    if tokens is None:
        raise invalid_token()
    principal = tokens.known(token)
    return None if principal is None else _limited(directory, principal)


def found_caller(
    log: EventLog,
    directory: Directory,
    digests: KeyDigests,
    tokens: Tokens | None,
    headers: Mapping[str, str],
) -> Caller:
    """A key that the follower has not seen yet, asked of its consumer; a token, verified.

    Raises UnauthorizedError, UnavailableError.
    """
    key = headers.get(KEY_HEADER)
    if key is not None:
        return _found_key(log, digests, key)
    assert tokens is not None
    return _limited(directory, tokens.verified(_bearer_token(headers[TOKEN_HEADER])))


def _known_key(directory: Directory, digests: KeyDigests, key: str) -> Principal | None:
    """The same steps for a key that is valid as for one that is not (V4.2i)."""
    is_like_a_key = KEY_PATTERN.fullmatch(key) is not None
    principal = directory.keys.get(digests.of(key))
    if principal is None and not is_like_a_key:
        raise invalid_key()
    return principal


def _found_key(log: EventLog, digests: KeyDigests, key: str) -> Principal:
    match = KEY_PATTERN.fullmatch(key)
    assert match is not None
    state = log.load(consumers.DECIDER, match[1]).state
    digest = digests.of(key)
    for key_id, issued in state.keys.items():
        if issued.digest == digest and state.consumer is not None:
            return Principal(
                consumer=state.consumer,
                name=state.name,
                key_id=key_id,
                scopes=issued.scopes,
                repos=issued.repos,
                limit=state.requests_per_minute or REQUESTS_PER_MINUTE,
                pinned=issued.version_id or "",
            )
    raise invalid_key()


def _limited(directory: Directory, principal: Principal) -> Principal:
    """A token says nothing of limits; the directory does."""
    limit = directory.limit_of(principal.consumer)
    return principal if limit == principal.limit else replace(principal, limit=limit)


def _bearer_token(credentials: str) -> str:
    """RFC 6750 2.1. Raises UnauthorizedError for any other scheme."""
    scheme, _, token = credentials.partition(" ")
    if scheme.lower() != "bearer":
        raise login_needed()
    return token.strip(" ")


def found_repo(log: EventLog, name: str) -> RepoFacts | None:
    """A repository that the follower has not seen yet."""
    state = log.load(repositories.DECIDER, repo_id(name)).state
    if state.repo is None:
        return None
    return RepoFacts(state.repo, state.name, state.owner, state.public)


def refuse_unless_allowed(caller: Caller, scope: str | None, *, reads: bool) -> None:
    """What can be said before any repository is named. Raises UnauthorizedError (R31), ForbiddenError."""
    if isinstance(caller, Anonymous):
        if not (reads and scope == "read"):
            raise login_needed()
        return
    if scope is not None and not grants(caller.scopes, scope):
        raise ForbiddenError(scope=scope)


def refuse_unless_visible(caller: Caller, name: str, facts: RepoFacts | None) -> None:
    """Raises UnauthorizedError or NotFoundError; a hidden repository looks like one that is not there."""
    if isinstance(caller, Anonymous):
        if facts is None or not facts.public:
            raise login_needed()
        return
    if facts is None or not (facts.public or caller.may_see(facts.repo)):
        raise no_such_repository(name)


def refuse_unless_for(principal: Principal, repo: RepoId, scope: str) -> None:
    """A key for named repositories changes no other one, also not a public one. Raises ForbiddenError."""
    if not principal.may_see(repo):
        raise ForbiddenError(scope=scope)


def no_such_repository(name: str) -> NotFoundError:
    return NotFoundError(thing="repository", name=parse_name(name))


def invalid_key() -> UnauthorizedError:
    return UnauthorizedError(reason=INVALID_KEY)


def login_needed() -> UnauthorizedError:
    return UnauthorizedError(reason=LOGIN_NEEDED)


def note_refusal(error: DitsError, counts: Mapping[Failure, Count]) -> None:
    """Count who was turned away, and say it; never the credential, nor a part of it (V4.2, V4.3)."""
    failure = _failure(error)
    if failure is None:
        return
    counts[failure].inc()
    match failure:
        case "invalid_api_key":
            log.warning("auth.invalid_api_key")
        case "token_expired":
            log.info("auth.token_expired")
        case "invalid_token":
            log.info("auth.invalid_token")
        case "missing" | "scope":
            pass  # The access line says it; nothing was tried.
        case _:
            assert_never(failure)


def _failure(error: DitsError) -> Failure | None:
    if error.code == "FORBIDDEN":
        return "scope"
    return refusal_for(error.facts["reason"]).failure if error.code == "UNAUTHORIZED" else None
