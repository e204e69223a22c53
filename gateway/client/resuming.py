"""The upload session of a push: the one an interrupted push left behind, if it is still good, or a new one.

Promises: a second push of the same paths goes on in the same session, so what was sent stays sent (seed
S2.1).
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .errors import ProblemError
from .notes import Note, name_of, opened
from .results import Session
from .sessions import Sessions

OVER = frozenset({"missing", "conflict", "gone", "forbidden"})
"""What the server says of a session that nothing can be added to, by kind."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """An open session, and the note it is remembered in."""

    session: Session
    note: Note | None
    resumed: bool

    def forget(self) -> None:
        """Its content was committed; the next push begins another one."""
        if self.note is not None:
            self.note.write({})


@contextmanager
def session_for(
    sessions: Sessions, repo: str, directory: Path, parts: Iterable[str]
) -> Generator[Remembered]:
    """`parts` say which push this is. A second run at the same time gets a session of its own."""
    with opened(directory, name_of(["session", repo, *parts])) as note:
        known = None if note is None else _still_open(sessions, repo, note)
        session = known or sessions.start(repo)
        if note is not None and known is None:
            note.write({"session": session.session})
        yield Remembered(session, note, resumed=known is not None)


def _still_open(sessions: Sessions, repo: str, note: Note) -> Session | None:
    name = note.read().get("session")
    if not isinstance(name, str):
        return None
    try:
        session = sessions.get(repo, name)
    except ProblemError as problem:
        if problem.kind in OVER:
            return None
        raise
    return session if session.state == "open" else None
