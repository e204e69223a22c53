"""Upload sessions: what is there already, and sending what is not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from . import operations as op
from .calls import Calls
from .errors import ProblemError
from .format.digest import Digest
from .frames import packed, split
from .results import Session
from .wire import Answer, Buffer, Call, Content

PUT_TIMEOUT_S = 300.0
"""A part of a whole file is answered when its last byte is durable."""
HAVE_DIGESTS_MAX = 8192
"""Of one question (API)."""


class Sessions:
    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def start(self, repo: str) -> Session:
        return Session.of(self._calls.ask(op.SESSIONS_START, {"repo": repo}, body={}))

    def get(self, repo: str, session: str) -> Session:
        """Raises ProblemError COMMIT_FAILED or UPLOAD_EXPIRED if it ended so."""
        return Session.of(self._calls.ask(op.SESSIONS_GET, {"repo": repo, "session": session}))

    def within(self, repo: str, session: Session) -> Upload:
        return Upload(self._calls, repo, session)


@dataclass(frozen=True, slots=True)
class Offset:
    """How far a whole file has come, and its recipe once it is complete."""

    offset_bytes: int
    recipe: str | None


class Upload:
    """One open session. Safe for threads."""

    def __init__(self, calls: Calls, repo: str, session: Session) -> None:
        self._calls = calls
        self._path: Mapping[str, str] = {"repo": repo, "session": session.session}
        self.session = session

    def missing(self, digests: Sequence[Digest]) -> list[Digest]:
        """Which of these chunks must be sent."""
        answers = list[Digest]()
        for at in range(0, len(digests), HAVE_DIGESTS_MAX):
            asked = b"".join(digests[at : at + HAVE_DIGESTS_MAX])
            answers += split(self._calls.bytes(op.CHUNKS_HAVE, self._path, [asked]).content)
        return answers

    def send_chunks(self, chunks: Sequence[tuple[Digest, Buffer]]) -> None:
        self._calls.bytes(op.CHUNKS_SEND, self._path, packed(chunks))

    def send_recipes(self, recipes: Sequence[tuple[Digest, Buffer]]) -> None:
        self._calls.bytes(op.RECIPES_SEND, self._path, packed(recipes))

    def send_trees(self, trees: Sequence[tuple[Digest, Buffer]]) -> None:
        self._calls.bytes(op.TREES_SEND, self._path, packed(trees))

    def offset(self, path: str) -> int:
        """The confirmed offset of a whole file; 0 if it was never begun."""
        try:
            answer = self._calls.carry(Call(op.FILES_OFFSET, self._file(path)), self._calls.http)
        except ProblemError as problem:
            if problem.kind == "missing":
                return 0
            raise
        return int(answer.headers.get("upload-offset", "0"))

    def put(self, path: str, rest: Content, *, offset_bytes: int, length_bytes: int) -> Offset:
        """The rest of a whole file, one try: who fails asks `offset` first. Raises DitsError."""
        headers = {"Upload-Offset": str(offset_bytes), "Upload-Length": str(length_bytes)}
        call = Call(op.FILES_PUT, self._file(path), content=rest, headers=headers, timeout_s=PUT_TIMEOUT_S)
        return _offset(self._calls.once(call), self._calls.http.server, length_bytes)

    def _file(self, path: str) -> Mapping[str, str]:
        return {**self._path, "path": path}


def _offset(answer: Answer, server: str, length_bytes: int) -> Offset:
    if answer.status == 201:
        return Offset(length_bytes, str(answer.json(server)["recipe"]))
    return Offset(int(answer.headers.get("upload-offset", "0")), None)
