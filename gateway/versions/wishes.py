"""The file of API versions, followed: read at the start, and again whenever it has settled after a change.

Promises: a bad file at the start blocks this process (R14, R20), a bad file later changes nothing but what
`/config/status` says (V5.1); a file seen half-written is waited for; the same content is no news; whoever of
many processes sees a new file first applies it, the others find it applied.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Container
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from domain.api_registry.commands import ApplyFile, RejectFile
from domain.api_registry.decider import DECIDER, REGISTRY_ID
from domain.api_registry.registry import SOFT_LIMIT, text_of
from domain.decider import Context, Outcome
from domain.errors import (
    DitsError,
    RegistryDriftError,
    RegistryFileError,
    RegistryNotInitializedError,
    RegistryUnusableError,
)
from domain.ports import Clock, EventLog
from gateway.versions.file import BUILT_IN, parsed
from gateway.versions.telling import Teller

SETTLED_AFTER_MS = 200
"""A file that changed is read once it has been the same for so long (V5.1g)."""
RETRY_AFTER_MS = 5_000
"""While the log is away."""
CONTEXT = Context("system:start-up", correlation_id="versions")
NAMED = re.compile(r"(?<![A-Za-z0-9])v[0-9]+(?:-[a-z]+)?(?![A-Za-z0-9-])")
"""A version, in what is wrong with a file."""
Refused = RegistryFileError | RegistryUnusableError | RegistryDriftError


class VersionsFile(Protocol):
    """Where an operator's wish lies. `text` raises RegistryFileError for what is not there or no text."""

    @property
    def name(self) -> str: ...

    def stamp(self) -> str:
        """Another one whenever the content may be another; empty if the file is not there."""
        ...

    def text(self) -> str: ...


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """What Dits serves if no file is named."""

    name: str = "built-in"

    def stamp(self) -> str:
        return "built-in"

    def text(self) -> str:
        return BUILT_IN


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why the last file was not taken."""

    reason: str
    line: int | None = None
    column: int | None = None
    names_released: bool = False
    """And nothing else; otherwise it may name what nobody may know of yet."""

    def told(self, known: Container[str]) -> dict[str, object]:
        """To everybody: a version that is not `known` is not named (R13)."""
        reason = self.reason
        if not self.names_released:
            reason = NAMED.sub(lambda found: found[0] if found[0] in known else "a version", reason)
        return {"reason": reason, "line": self.line}


@dataclass(slots=True)
class Wishes:
    """One a process; its steps are synchronous and run one after the other."""

    file: VersionsFile
    log: EventLog
    clock: Clock
    teller: Teller
    blocked: RegistryUnusableError | None = None
    """Why this process serves nothing: its file was bad when it started."""
    trouble: Trouble | None = None
    last_valid_load_at: datetime | None = None
    last_attempt_at: datetime | None = None
    count: int = 0
    _blocked_over: str | None = None
    """Digest of the last file that the log applied, as far as was heard."""
    _wished: str = ""
    """Digest of what the file says, as far as it could be read."""
    _stamp: str = ""
    _has_started: bool = False
    _start_after_ms: int = 0
    """A start that the log could not take is tried again from here on, in monotonic milliseconds."""
    _seen: tuple[str | None, int] = (None, 0)
    """A stamp that is not taken yet, and since when it is the same, in monotonic milliseconds."""

    def start(self) -> None:
        """Raises UnavailableError, LogRegressedError, InsufficientStorageError, with which the log takes
        nothing now; `look` starts again then."""
        stamp, text = self.file.stamp(), ""
        self.last_attempt_at = self.clock.now()
        try:
            text = self.file.text()
            self._apply(text)
        except RegistryDriftError as error:
            self._refused(error, text)
        except (RegistryFileError, RegistryUnusableError) as error:
            self._blocked(error)
        self._stamp, self._has_started = stamp, True

    def look(self) -> bool:
        """True if a file was read; a step of the watcher."""
        stamp, now_ms = self.file.stamp(), self.clock.monotonic_ms()
        if not self._has_started:
            return self._start_again(now_ms)
        if stamp == self._stamp:
            self._seen = (None, 0)
            return False
        if stamp != self._seen[0]:
            self._seen = (stamp, now_ms)
        if now_ms - self._seen[1] < SETTLED_AFTER_MS:
            return False
        self._seen = (stamp, now_ms + RETRY_AFTER_MS)  # for when the log is away
        self.reload()
        return True

    def _start_again(self, now_ms: int) -> bool:
        if now_ms < self._start_after_ms:
            return False
        self._start_after_ms = now_ms + RETRY_AFTER_MS
        self.start()
        return True

    def reload(self) -> None:
        """Read it now. Raises UnavailableError."""
        stamp, text, self._wished = self.file.stamp(), "", ""
        self.last_attempt_at = self.clock.now()
        try:
            text = self.file.text()
            self._apply(text)
        except (RegistryFileError, RegistryUnusableError, RegistryDriftError) as error:
            self._refused(error, text)
        self._stamp = stamp

    def apply(self, text: str, source: str, *, adopt: bool, context: Context) -> Outcome:
        """An operator's apply: what is wrong with it is theirs to hear. Raises RegistryFileError,
        RegistryUnusableError, RegistryDriftError, UnavailableError."""
        declared = parsed(text)
        command = ApplyFile(source, declared.sha256, declared, self.clock.now(), adopt)
        outcome = self.log.ask(DECIDER.ask(REGISTRY_ID, command), context=context)
        if not outcome.replayed:
            self.teller.recorded(each.event for each in outcome.events)
        self._valid(len(declared.versions))
        return outcome

    def _apply(self, text: str) -> None:
        self._wished = parsed(text).sha256
        self.apply(text, self.file.name, adopt=False, context=CONTEXT)

    def heard(self, sha256: str) -> None:
        """Of the file that the log applied last: a newer one than before lifts this process's block."""
        if self.blocked is not None and self._blocked_over not in {None, sha256}:
            self.blocked = None
        if self.trouble is not None and sha256 == self._wished:
            self.trouble = None  # somebody adopted it
        self._blocked_over = sha256

    def _valid(self, count: int) -> None:
        self.blocked = self.trouble = None
        self.count = count
        self.last_valid_load_at = self.clock.now()
        self.teller.measures.loaded_at.set(self.last_valid_load_at.timestamp())

    def _blocked(self, error: RegistryFileError | RegistryUnusableError) -> None:
        self.trouble = _told(error)
        self.blocked = error if isinstance(error, RegistryUnusableError) else RegistryNotInitializedError()
        self.teller.unusable(type(self.blocked).reason, error.message)

    def _refused(self, error: Refused, text: str) -> None:
        self.trouble = _told(error)
        if isinstance(error, RegistryUnusableError):
            self.teller.unusable(type(error).reason, error.message)
        self.teller.rejected(
            self.file.name, error.message, line=self.trouble.line, column=self.trouble.column
        )
        sha256 = hashlib.sha256(text.encode()).hexdigest()
        command = RejectFile(self.file.name, sha256, error.message, self.trouble.line)
        self.log.ask(DECIDER.ask(REGISTRY_ID, command), context=CONTEXT)

    def standing(self, revision: int, known: Container[str], *, blocked: bool) -> dict[str, object]:
        """The body of /config/status; `known` are the versions that everybody may know of."""
        trouble = self.trouble
        state = "blocked" if blocked else "degraded" if trouble is not None else "ok"
        advice = "sunset old versions and take them out of the file" if self.count > SOFT_LIMIT else None
        return {
            "state": state,
            "source": self.file.name,
            "revision": revision,
            "last_valid_load_at": _text(self.last_valid_load_at),
            "last_attempt_at": _text(self.last_attempt_at),
            "last_error": None if trouble is None else trouble.told(known),
            "recommendation": advice,
        }


def _told(error: DitsError) -> Trouble:
    line, column = error.facts.get("line"), error.facts.get("column")
    return Trouble(
        error.message,
        line if isinstance(line, int) else None,
        column if isinstance(column, int) else None,
        isinstance(error, RegistryUnusableError),
    )


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else text_of(moment)
