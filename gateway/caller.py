"""Who calls, and which repositories they may see: the directory that every request asks.

Promises: it is a fold of the log's consumer and repository events, kept in memory by the follower, so a
request needs no query to be allowed; a key is known by its keyed digest alone (I9), looked up in a
dictionary, so time tells nothing about a guess.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from domain import consumer as consumers
from domain import repository as repositories
from domain.consumer import ApiKeyIssued, ApiKeyRevoked, ConsumerLimitSet, KeyVersionPinned
from domain.event import Event
from domain.ids import ConsumerId, KeyId, RepoId
from domain.position import Position
from domain.repository import RepositoryCreated, RepositoryMadePrivate, RepositoryMadePublic

ACCESS_EVENTS: tuple[type[Event], ...] = (
    ApiKeyIssued,
    ApiKeyRevoked,
    ConsumerLimitSet,
    KeyVersionPinned,
    RepositoryCreated,
    RepositoryMadePublic,
    RepositoryMadePrivate,
)
"""What the directory is folded from. Who used which version on which day is not among it: it would make the
first fold of a long log slow, and decides nothing."""
ACCESS_FAMILIES = frozenset({consumers.DECIDER.family, repositories.DECIDER.family})
REQUESTS_PER_MINUTE = 1_000
"""Of a consumer that has no limit of its own (R29, R47)."""


@dataclass(frozen=True, slots=True)
class Principal:
    """A consumer, as the key or the token that was shown lets them act."""

    consumer: ConsumerId
    name: str
    key_id: KeyId
    scopes: tuple[str, ...]
    repos: tuple[RepoId, ...] | None
    """None is all."""
    limit: int = REQUESTS_PER_MINUTE
    """Requests a minute, over all that speaks for this consumer."""
    pinned: str = ""
    """The version of the API for requests that name none; empty: the registry's default."""
    kind: Literal["key", "token"] = "key"

    def may_see(self, repo: RepoId) -> bool:
        return self.repos is None or repo in self.repos


@dataclass(frozen=True, slots=True)
class Anonymous:
    """No key was shown: reads public repositories and nothing else."""


Caller = Principal | Anonymous


@dataclass(frozen=True, slots=True)
class RepoFacts:
    """What everybody must know about a repository before they see it."""

    repo: RepoId
    name: str
    owner: ConsumerId
    public: bool


@dataclass(slots=True)
class Directory:
    """Written by the follower's thread alone; each read is one dictionary lookup."""

    keys: dict[bytes, Principal] = field(default_factory=dict[bytes, Principal])
    repos: dict[RepoId, RepoFacts] = field(default_factory=dict[RepoId, RepoFacts])
    position: Position | None = None
    """How far it has come."""
    _digests: dict[ConsumerId, dict[KeyId, bytes]] = field(
        default_factory=dict[ConsumerId, dict[KeyId, bytes]]
    )
    _limits: dict[ConsumerId, int] = field(default_factory=dict[ConsumerId, int])
    """Only those that differ from everybody's."""

    def fold(self, event: Event) -> None:
        match event:
            case ApiKeyIssued():
                self._digests.setdefault(event.consumer, {})[event.key_id] = event.digest
                self.keys[event.digest] = Principal(
                    event.consumer,
                    event.name,
                    event.key_id,
                    event.scopes,
                    event.repos,
                    self.limit_of(event.consumer),
                )
            case ApiKeyRevoked():
                digest = self._digests.get(event.consumer, {}).pop(event.key_id, None)
                if digest is not None:
                    self.keys.pop(digest, None)
            case ConsumerLimitSet():
                self._limit(event.consumer, event.requests_per_minute)
            case KeyVersionPinned():
                self._pin(self._digests.get(event.consumer, {}).get(event.key_id), event.version_id or "")
            case RepositoryCreated():
                self.repos[event.repo] = RepoFacts(event.repo, event.name, event.owner, event.public)
            case RepositoryMadePublic() | RepositoryMadePrivate():
                facts = self.repos[event.repo]
                public = isinstance(event, RepositoryMadePublic)
                self.repos[event.repo] = RepoFacts(facts.repo, facts.name, facts.owner, public)
            case _:
                return

    def limit_of(self, consumer: ConsumerId) -> int:
        """Requests a minute; of a token's consumer too."""
        return self._limits.get(consumer, REQUESTS_PER_MINUTE)

    def _limit(self, consumer: ConsumerId, requests_per_minute: int | None) -> None:
        if requests_per_minute is None:
            self._limits.pop(consumer, None)
        else:
            self._limits[consumer] = requests_per_minute
        for digest in self._digests.get(consumer, {}).values():
            self.keys[digest] = replace(self.keys[digest], limit=self.limit_of(consumer))

    def _pin(self, digest: bytes | None, version_id: str) -> None:
        if digest is not None:
            self.keys[digest] = replace(self.keys[digest], pinned=version_id)

    def visible_to(self, caller: Caller) -> list[RepoFacts]:
        """By name."""
        seen = [
            facts
            for facts in tuple(self.repos.values())
            if facts.public or (isinstance(caller, Principal) and caller.may_see(facts.repo))
        ]
        return sorted(seen, key=lambda facts: facts.name)
