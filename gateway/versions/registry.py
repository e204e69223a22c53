"""The registry that counts now, in this process: captured by every request, replaced by one assignment.

Promises: no request waits for it and none sees it half-changed (I10, V6.3); a turn that was announced is made
by the first request after its time (R18) and recorded by the job that looks every minute; a copy found broken
serves nothing until it is made again from the log, a backup or the file, in this order (V5.2).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Literal, Protocol

import structlog

from domain.api_registry.commands import ApplyFile, NoteCorruption, NoteRebuild, ObserveTime
from domain.api_registry.decider import DECIDER, REGISTRY_ID
from domain.api_registry.declared import Declared, declared_form
from domain.api_registry.registry import Registry
from domain.decider import Context
from domain.errors import (
    DitsError,
    InsufficientStorageError,
    LogRegressedError,
    RegistryCorruptedError,
    RegistryFileError,
    RegistryNotInitializedError,
    RegistryUnusableError,
    UnavailableError,
)
from domain.ports import Clock, EventLog
from gateway.bridge import Bridge
from gateway.signals import Signals
from gateway.versions.building import EMPTY, built
from gateway.versions.file import parsed, written
from gateway.versions.metadata import Metadata
from gateway.versions.snapshot import (
    PHASES,
    Snapshot,
    checksum_of,
    missing_fields,
)
from gateway.versions.telling import Teller
from gateway.versions.wishes import Wishes

BUILD_EVERY_S = 0.1
"""At most one build in this time (V9.2a)."""
LOOK_EVERY_S = 0.25
"""At the file, at the metadata that is missing, and over the whole snapshot."""
OBSERVE_EVERY_S = 60.0
"""V3.2e: the job that records what announced times have brought."""
BACKOFF_S_MAX = 30.0
CONTEXT = Context("system:gateway", correlation_id="versions")
Steps = Sequence[Callable[[], object]]
RebuildSource = Literal["events", "backup", "configuration"]

log = structlog.get_logger("gateway.versions")


class Backup(Protocol):
    """The last sound registry, kept beside the process. Both raise UnavailableError."""

    def read(self) -> str: ...

    def write(self, text: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Held:
    """A snapshot and its checksum as it was built: one object, so that one assignment swaps both."""

    snapshot: Snapshot
    seal: str


NOTHING = Held(EMPTY, EMPTY.checksum)


@dataclass(slots=True)
class Versions:
    """One a process. `capture` is for requests; steps run in the pool, `run` is its task."""

    log: EventLog
    clock: Clock
    wishes: Wishes
    metadata: Callable[[], Metadata]
    """Raises UnavailableError."""
    backup: Backup
    teller: Teller
    signals: Signals
    _registry: Registry = field(default_factory=Registry)
    _held: Held = Held(EMPTY, EMPTY.checksum)
    """As the log said last; written by the pool alone."""
    _turned_to: tuple[Held, Held] = field(default_factory=lambda: (NOTHING, NOTHING))
    """What the first has become by the clock; written by the loop alone, so that neither of the two writers
    can undo what the other has just written."""
    _known: Metadata | None = None
    _kept: Declared | None = None
    """What the backup says."""
    _is_broken: bool = False
    _is_makeshift: bool = False
    """Made again from something else than the log, which is to be asked again."""
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _loop: asyncio.AbstractEventLoop | None = None

    # ---------------------------------------------------------------- for requests
    def capture(self) -> Snapshot:
        """What this request sees to its end. One read, and a clock if something is announced."""
        held = self._holding()
        if held.snapshot.valid_until is not None and self.clock.now() >= held.snapshot.valid_until:
            return self._turned(held)
        return held.snapshot

    def _holding(self) -> Held:
        held, (before, after) = self._held, self._turned_to
        return after if before is held else held

    def refuse_unusable(self, snapshot: Snapshot) -> None:
        """Raises RegistryUnusableError."""
        held, blocked = self._holding(), self.wishes.blocked  # read once: a thread of the pool may lift it
        if blocked is not None:
            raise blocked.with_traceback(None)
        if self._is_broken or (snapshot is held.snapshot and snapshot.checksum != held.seal):
            self._found_broken(snapshot)
            raise RegistryCorruptedError()
        if snapshot.trouble is not None:
            raise snapshot.trouble.with_traceback(None)  # one for all requests

    def refuse_broken(self, version_id: str, snapshot: Snapshot) -> None:
        """The entry that is about to serve, looked at as it is used (V5.2). Raises RegistryCorruptedError."""
        entry = snapshot.live.entries.get(version_id)
        if entry is not None and getattr(entry, "phase", None) not in PHASES:
            self._found_broken(snapshot)
            raise RegistryCorruptedError()

    def refuse_incomplete(self, snapshot: Snapshot) -> None:
        """For who missed a field of an entry. Raises RegistryCorruptedError if the snapshot lost one."""
        if missing_fields(snapshot.live):
            self._found_broken(snapshot)
            raise RegistryCorruptedError()

    def trouble(self) -> RegistryUnusableError | None:
        """Why nothing is served, if nothing is."""
        try:
            self.refuse_unusable(self.capture())
        except RegistryUnusableError as error:
            return error
        return None

    def reasons(self) -> tuple[str, ...]:
        """Why this process is degraded, though it serves."""
        failed = ("config_reload_failed",) if self.wishes.trouble is not None else ()
        return (*failed, *self.capture().reasons)

    def standing(self) -> dict[str, object]:
        """The body of /config/status."""
        registry, now = self._registry, self.clock.now()
        known = {
            version.version_id
            for version in registry.versions.values()
            if version.is_released_at(now) and version.phase_at(now) != "prerelease"
        }
        return self.wishes.standing(registry.revision, known, blocked=self.trouble() is not None)

    def _turned(self, held: Held) -> Snapshot:
        now, snapshot = self.clock.now(), held.snapshot.next
        if snapshot is None or snapshot.is_over(now):  # at once: turns that nobody saw may be hundreds
            snapshot = built(self._registry, now, self._known)
        before, after = self._turned_to
        self._turned_to = (before if after is held else held, Held(snapshot, snapshot.checksum))
        newest = self._holding().snapshot  # another one, if something newer has come meanwhile
        self.teller.measures.shows(newest)
        self._call_for_news()
        return newest

    def _swap(self, snapshot: Snapshot) -> None:
        self._held = Held(snapshot, snapshot.checksum)
        self.teller.measures.shows(snapshot)

    # ---------------------------------------------------------------- steps in the pool
    def start(self) -> None:
        """Load before the first request (V9.1). What cannot be written now does not keep what stands from
        being read. Raises UnavailableError."""
        try:
            self.wishes.start()
        except (UnavailableError, LogRegressedError, InsufficientStorageError) as error:
            log.warning("registry_file_not_applied_yet", code=error.code, reason=error.message)
        self.renew()

    def renew(self) -> None:
        """Build what the log says now. Raises UnavailableError."""
        began_ms = self.clock.monotonic_ms()
        registry = self.log.load(DECIDER, REGISTRY_ID).state
        self.wishes.heard(registry.file_sha256)
        self._take(registry)
        self.teller.measures.swap_seconds.observe((self.clock.monotonic_ms() - began_ms) / 1000)
        self._is_makeshift = False
        if self._held.snapshot.trouble is None:
            self._keep(registry)

    def _take(self, registry: Registry) -> None:
        known = self._told()
        snapshot = built(registry, self.clock.now(), known)
        self._registry, self._known = registry, known
        self._swap(snapshot)
        self._is_broken = False
        self.teller.measures.rebuilds.inc()

    def _told(self) -> Metadata | None:
        """From the read model; what was known last while it is away (V5.4)."""
        try:
            return self.metadata()
        except UnavailableError:
            if self._known is None:
                log.warning("version.metadata_unavailable", dependency="projections")
            return self._known

    def _keep(self, registry: Registry) -> None:
        said = declared_form(registry)
        if said == self._kept:
            return
        try:
            self.backup.write(written(said))
            self._kept = said
        except UnavailableError:
            log.warning("registry_backup_failed")

    def observe(self) -> bool:
        """Record what announced times have brought; no news is no event. Raises UnavailableError."""
        if self._holding().snapshot.trouble is not None or not self._registry.versions:
            return False
        command = ObserveTime(self.clock.now())
        if not DECIDER.decide(self._registry, command):
            return False  # the log need not be asked
        outcome = self.log.ask(DECIDER.ask(REGISTRY_ID, command), context=CONTEXT)
        self.teller.recorded(each.event for each in outcome.events)
        return bool(outcome.events)

    def audit(self) -> None:
        """Look over the whole snapshot, which no request does."""
        snapshot = self._holding().snapshot
        if missing_fields(snapshot.live) or checksum_of(snapshot.live) != snapshot.checksum:
            self._found_broken(snapshot)

    # ---------------------------------------------------------------- a broken copy
    def _found_broken(self, snapshot: Snapshot) -> None:
        if self._is_broken or snapshot is not self._holding().snapshot:
            return  # it is known, or made again already
        self._is_broken = True
        self.teller.unusable("REGISTRY_CORRUPTED", RegistryCorruptedError().message)
        found = checksum_of(snapshot.live)
        command = NoteCorruption(missing_fields(snapshot.live), self._holding().seal, found)
        self.signals.note(DECIDER.ask(REGISTRY_ID, command))
        self._call_for_news()

    def rebuild(self) -> None:
        """Make the copy again, from the best source that answers. Raises UnavailableError if none does."""
        for source, read in self._sources():
            try:
                self._take(read())
            except (UnavailableError, RegistryFileError, RegistryUnusableError) as error:
                log.warning("registry_source_failed", source=source, code=error.code)
                continue
            self._is_makeshift = source != "events"
            self.signals.note(DECIDER.ask(REGISTRY_ID, NoteRebuild(source)))
            log.warning("registry_rebuilt", source=source)
            return
        raise UnavailableError(dependency="every source of the version registry")

    def _sources(self) -> Iterator[tuple[RebuildSource, Callable[[], Registry]]]:
        yield "events", self._from_events
        yield "backup", lambda: self._from_text(self.backup.read())
        yield "configuration", lambda: self._from_text(self.wishes.file.text())

    def _from_events(self) -> Registry:
        registry = self.log.load(DECIDER, REGISTRY_ID).state
        if not registry.versions:
            raise RegistryNotInitializedError()
        return registry

    def _from_text(self, text: str) -> Registry:
        what = parsed(text)
        command = ApplyFile("rebuild", what.sha256, what, self.clock.now())
        return reduce(DECIDER.evolve, DECIDER.decide(Registry(), command), Registry())

    # ---------------------------------------------------------------- its task
    def wake(self) -> None:
        """The registry has news; called in the loop."""
        self._wake.set()

    def _call_for_news(self) -> None:
        """From any thread."""
        if self._loop is None:
            self._wake.set()
        else:
            self._loop.call_soon_threadsafe(self._wake.set)

    async def run(self, bridge: Bridge) -> None:
        """Renew on news, at most once in `BUILD_EVERY_S`; never on the way of a request."""
        self._loop = asyncio.get_running_loop()
        try:
            await self._run(bridge)
        finally:
            self._loop = None

    async def _run(self, bridge: Bridge) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._renewing(bridge))
            group.create_task(self._repeating(bridge, self.observe, OBSERVE_EVERY_S))
            group.create_task(self._repeating(bridge, self._looked_after, LOOK_EVERY_S))

    async def _renewing(self, bridge: Bridge) -> None:
        pause_s = BUILD_EVERY_S
        while True:
            await self._wake.wait()
            self._wake.clear()
            sound: Steps = (self.renew, self.observe)
            went_well = await self._went_well(bridge, (self.rebuild,) if self._is_broken else sound)
            if went_well and not self._is_makeshift:
                pause_s = BUILD_EVERY_S
            else:
                pause_s = min(pause_s * 2, BACKOFF_S_MAX)
                self._wake.set()
            await asyncio.sleep(pause_s)

    async def _repeating(self, bridge: Bridge, step: Callable[[], bool], every_s: float) -> None:
        """`step` says whether there is something to renew."""
        while True:
            await asyncio.sleep(every_s)
            try:
                if await bridge.run(step):
                    self._wake.set()
            except DitsError as error:
                log.warning("registry_step_failed", code=error.code, reason=error.message)

    async def _went_well(self, bridge: Bridge, steps: Steps) -> bool:
        for step in steps:
            try:
                await bridge.run(step)
            except DitsError as error:
                log.warning("registry_step_failed", code=error.code, reason=error.message)
                return False
        return True

    def _looked_after(self) -> bool:
        self.audit()
        known = self._known
        is_behind = bool(self._registry.versions) and (
            known is None or known.revision < self._registry.revision
        )
        return self.wishes.look() or (is_behind and self._metadata_came(known))

    def _metadata_came(self, known: Metadata | None) -> bool:
        try:
            told = self.metadata()
        except UnavailableError:
            return False
        return known is None or told.revision > known.revision
