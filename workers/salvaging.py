"""One salvage: what can be played of a damaged file becomes a file beside it, committed for who asked (S4.1).

Promises: the original is read and nothing else; ids follow from the asking event, so whoever tries again
meets what was done already; a salvage ends by an event, whatever becomes of it. Nothing waits here for the
commit's saga: `begin` asks for the commit, `end` is called when it is over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import BinaryIO

import structlog

from domain import branch as branches
from domain.asset import decider as assets
from domain.asset.decider import EndSalvage, RecordHdrOfDerivative, asset_id
from domain.asset.events import (
    AssetSalvaged,
    HdrMetadataLost,
    HdrMetadataReinserted,
    SalvageAsked,
    SalvageFailed,
)
from domain.commit import decider as commits
from domain.commit.decider import Commit, OpenCommit
from domain.commit.events import CommitOpened, PathChange
from domain.counting import Count
from domain.decider import Ask, Context
from domain.errors import SessionClosedError
from domain.event import Recorded
from domain.format.media.source import FileSource
from domain.ids import CommitId, Digest, SessionId, derived_id
from domain.ports import (
    LIMIT_EXCEEDED,
    Clock,
    EventLog,
    MediaTools,
    ObjectStore,
    Unplayable,
)
from domain.session import decider as sessions
from domain.session.commands import StartSession
from domain.successions import opened_source
from workers.content_sending import SessionSender
from workers.hdr_keeping import Kept, keep_hdr

log = structlog.get_logger(__name__)

ACTOR = "system:media-worker"
REASON_CHARACTERS_MAX = 500
Scratch = Callable[[int], AbstractContextManager[BinaryIO]]
"""An empty file that leaves nothing behind, with room for so many bytes. Raises InsufficientStorageError."""


@dataclass(frozen=True, slots=True)
class Salvage:
    """Somebody's wish, and the names that follow from it."""

    asked: SalvageAsked
    asset: str
    commit: CommitId
    session: SessionId
    context: Context

    @staticmethod
    def of(recorded: Recorded) -> Salvage:
        asked = recorded.event
        assert isinstance(asked, SalvageAsked)
        parts = (recorded.aggregate.id, str(recorded.version))  # it may be asked for again
        return Salvage(
            asked,
            recorded.aggregate.id,
            CommitId(derived_id("salvage commit", *parts)),
            SessionId(derived_id("salvage session", *parts)),
            Context(ACTOR, recorded.envelope.correlation_id, recorded.position.encode()),
        )


@dataclass(frozen=True, slots=True)
class Salvager:
    """The effects of a salvage."""

    events: EventLog
    store: ObjectStore
    tools: MediaTools
    scratch: Scratch
    clock: Clock
    file_bytes_max: int
    hdr_losses: Count
    stopping: Callable[[], bool]

    def take_up(self, salvage: Salvage) -> bool:
        """From where it stands; True if it is over, False while its commit is under way.

        Raises whatever stands in the way: `fail` is for what will not pass.
        """
        if self.events.load(assets.DECIDER, salvage.asset).state.asked != salvage.asked:
            return True  # another worker ended it
        state = self._commit(salvage)
        if state.phase == "absent":
            try:
                return self._begin(salvage)
            except SessionClosedError:
                state = self._commit(salvage)  # another worker was faster
                if state.phase == "absent":
                    raise
        match state.phase:
            case "published":
                assert state.opened is not None
                recipe = state.opened.changes[0].recipe
                assert recipe is not None
                self._end(salvage, _salvaged(salvage, recipe))
            case "compensated":
                assert state.failure is not None
                self.fail(salvage, state.failure.code, state.failure.message)
            case _:
                return False
        return True

    def _commit(self, salvage: Salvage) -> Commit:
        return self.events.load(commits.DECIDER, salvage.commit).state

    def fail(self, salvage: Salvage, code: str, reason: str) -> None:
        asked = salvage.asked
        told = SalvageFailed(
            repo=asked.repo, recipe=asked.recipe, code=code, reason=reason[:REASON_CHARACTERS_MAX]
        )
        self._end(salvage, told)

    def _end(self, salvage: Salvage, ended: AssetSalvaged | SalvageFailed) -> None:
        ask = assets.DECIDER.ask(salvage.asset, EndSalvage(ended))
        self.events.ask(ask, context=salvage.context)
        log.info("salvage_ended", asset=salvage.asset, outcome=type(ended).__name__)

    def _begin(self, salvage: Salvage) -> bool:
        original = opened_source(self.events, self.store, salvage.asked.repo, salvage.asked.recipe)
        if original.size_bytes > self.file_bytes_max:
            self.fail(salvage, LIMIT_EXCEEDED, f"it has more than {self.file_bytes_max} bytes")
            return True
        with self.scratch(original.size_bytes) as sound:
            outcome = self.tools.remux(original, sound)
            if isinstance(outcome, Unplayable):
                self.fail(salvage, outcome.code, outcome.reason)
                return True
            kept = keep_hdr(original, sound)
            self._start_session(salvage)
            sender = SessionSender(self.events, self.store, salvage.session, salvage.context, self.stopping)
            recipe = sender.send(FileSource(sound))
        told = tuple(_told_hdr(salvage, recipe.digest, kept))
        self.events.ask(self._opening(salvage, recipe.digest), *told, context=salvage.context)
        if kept.lost:
            self.hdr_losses.inc()
        return False

    def _start_session(self, salvage: Salvage) -> None:
        end, asked = self.events.end(), salvage.asked
        command = StartSession(salvage.session, asked.repo, asked.asked_by, end.encode() if end else "")
        self.events.ask(sessions.DECIDER.ask(salvage.session, command), context=salvage.context)

    def _opening(self, salvage: Salvage, recipe: Digest) -> Ask:
        asked = salvage.asked
        opened = CommitOpened(
            commit=salvage.commit,
            repo=asked.repo,
            branch=asked.branch,
            branch_name=asked.branch_name,
            session=salvage.session,
            base=self.events.load(branches.DECIDER, asked.branch).state.commit,
            tree=None,
            changes=(PathChange(path=asked.target, recipe=recipe),),
            fixed_head=False,
            author=asked.asked_by,
            author_name=asked.asked_by_name,
            message=f"salvage {asked.path}",
            tokens=(),
            raw=(),
            opened_at_ms=int(self.clock.now().timestamp() * 1000),
        )
        return commits.DECIDER.ask(salvage.commit, OpenCommit(opened))


def _salvaged(salvage: Salvage, recipe: Digest) -> AssetSalvaged:
    asked = salvage.asked
    return AssetSalvaged(
        repo=asked.repo, recipe=asked.recipe, salvaged=recipe, target=asked.target, commit=salvage.commit
    )


def _told_hdr(salvage: Salvage, recipe: Digest, kept: Kept) -> Iterator[Ask]:
    """Recorded with the commit's opening, so that a retry neither forgets it nor says it of other bytes."""
    repo, original = salvage.asked.repo, salvage.asked.recipe
    asset = asset_id(repo, recipe)
    if kept.reinserted:
        back = HdrMetadataReinserted(repo=repo, recipe=recipe, original=original, kinds=kept.reinserted)
        yield assets.DECIDER.ask(asset, RecordHdrOfDerivative(back))
    if kept.lost:
        lost = HdrMetadataLost(repo=repo, recipe=recipe, original=original, kinds=kept.lost)
        yield assets.DECIDER.ask(asset, RecordHdrOfDerivative(lost))
