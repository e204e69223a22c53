"""Looks again at contents that an older reader looked at: by replaying their events, when a worker starts.

Promises: a content is looked at once by each reader, whoever runs; the findings are the commit's own
(`domain/examination.py`); what is away stops only that content, which is tried again later (S4.2, S4.5).
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol, cast

import structlog

from domain.asset import decider as assets
from domain.asset.decider import RecordFindings, asset_id
from domain.asset.events import AssetStored, UnsupportedCodecFlagged
from domain.decider import Context
from domain.errors import DitsError
from domain.examination import READER, Examination, examine, findings
from domain.format.media.source import Source
from domain.ids import Digest, RepoId
from domain.ports import EventLog, Messages, ObjectStore
from domain.successions import opened_source

CONTEXT = Context("system:media", correlation_id="reexamination")
TOPICS = frozenset({AssetStored.TOPIC, UnsupportedCodecFlagged.TOPIC})
AGAIN_S = 300.0
"""Before what could not be read is tried again."""

Name = tuple[RepoId, Digest]

log = structlog.get_logger("workers.reexamination")


@dataclass(frozen=True, slots=True)
class Known:
    """A content as it was seen last."""

    repo: RepoId
    recipe: Digest
    reader: int
    mode: str
    is_flagged: bool

    @property
    def is_raw_by_choice(self) -> bool:
        """It stays so; what is raw for its codecs is understood one day."""
        return self.mode == "raw" and not self.is_flagged


class Look(Protocol):
    """`examine`, or what a newer reader finds. Callers may rely on: the same for the same bytes."""

    def __call__(self, source: Source, *, raw: bool) -> Examination: ...


@dataclass(frozen=True, slots=True)
class Reexaminer:
    """One a worker process."""

    messages: Messages
    events: EventLog
    store: ObjectStore
    look: Look = examine
    reader: int = READER

    def run(self, stopping: threading.Event) -> None:
        left = self.look_again(self.outdated(), stopping)
        while left and not stopping.wait(AGAIN_S):
            left = self.look_again(left, stopping)
        stopping.wait()

    def look_again(self, contents: Iterable[Known], stopping: threading.Event) -> list[Known]:
        """Those that could not be read now."""
        return [known for known in contents if not stopping.is_set() and not self._looked_again(known)]

    def outdated(self) -> list[Known]:
        """Contents whose newest examination is that of an older reader."""
        newest, flagged = dict[Name, tuple[int, str]](), set[Name]()
        for _, events in self.messages.raw_events(None, TOPICS):
            for raw in events:
                name = RepoId(str(raw.fields["repo"])), Digest(cast("bytes", raw.fields["recipe"]))
                if raw.topic == UnsupportedCodecFlagged.TOPIC:
                    flagged.add(name)
                else:
                    newest[name] = cast("int", raw.fields["reader"]), str(raw.fields["mode"])
        return [
            Known(*name, reader, mode, name in flagged)
            for name, (reader, mode) in newest.items()
            if reader < self.reader
        ]

    def _looked_again(self, known: Known) -> bool:
        """False if it could not be read now."""
        try:
            source = opened_source(self.events, self.store, known.repo, known.recipe)
            told = findings(self.look(source, raw=known.is_raw_by_choice), known.repo, known.recipe)
            ask = assets.DECIDER.ask(asset_id(known.repo, known.recipe), RecordFindings(told))
            self.events.ask(ask, context=CONTEXT)
        except DitsError as error:
            log.warning("content_not_looked_at", code=error.code, reason=error.message)
            return False
        return True
