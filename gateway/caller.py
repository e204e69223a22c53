"""Who calls, and which repositories they may see: the directory that every request asks.

Promises: it is a fold of the log's consumer and repository events, kept in memory by the follower, so a
request needs no query to be allowed; a key is known by its keyed digest alone (I9), looked up in a
dictionary, so time tells nothing about a guess.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from domain import consumer as consumers
from domain import repository as repositories
from domain.consumer import ApiKeyIssued, ApiKeyRevoked
from domain.event import Event
from domain.ids import ConsumerId, KeyId, RepoId
from domain.position import Position
from domain.repository import RepositoryCreated, RepositoryMadePrivate, RepositoryMadePublic

ACCESS_EVENTS: tuple[type[Event], ...] = (
    ApiKeyIssued,
    ApiKeyRevoked,
    RepositoryCreated,
    RepositoryMadePublic,
    RepositoryMadePrivate,
)
"""What the directory is folded from."""
ACCESS_FAMILIES = frozenset({consumers.DECIDER.family, repositories.DECIDER.family})


@dataclass(frozen=True, slots=True)
class Principal:
    """A consumer, as the key that was shown lets them act."""

    consumer: ConsumerId
    name: str
    key_id: KeyId
    scopes: tuple[str, ...]
    repos: tuple[RepoId, ...] | None
    """None is all."""

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
    _digests: dict[KeyId, bytes] = field(default_factory=dict[KeyId, bytes])

    def fold(self, event: Event) -> None:
        match event:
            case ApiKeyIssued():
                self._digests[event.key_id] = event.digest
                self.keys[event.digest] = Principal(
                    event.consumer, event.name, event.key_id, event.scopes, event.repos
                )
            case ApiKeyRevoked():
                digest = self._digests.pop(event.key_id, None)
                if digest is not None:
                    self.keys.pop(digest, None)
            case RepositoryCreated():
                self.repos[event.repo] = RepoFacts(event.repo, event.name, event.owner, event.public)
            case RepositoryMadePublic() | RepositoryMadePrivate():
                facts = self.repos[event.repo]
                public = isinstance(event, RepositoryMadePublic)
                self.repos[event.repo] = RepoFacts(facts.repo, facts.name, facts.owner, public)
            case _:
                return

    def visible_to(self, caller: Caller) -> list[RepoFacts]:
        """By name."""
        seen = [
            facts
            for facts in tuple(self.repos.values())
            if facts.public or (isinstance(caller, Principal) and caller.may_see(facts.repo))
        ]
        return sorted(seen, key=lambda facts: facts.name)
