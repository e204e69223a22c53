"""Every error the client raises: what the server said, and what went wrong on this side of the wire.

Promises: all are `DitsError` with a stable ``code`` and a ``kind`` that says what a caller can do; no
message holds a key.
"""

from __future__ import annotations

from collections.abc import Mapping

from .format.errors import DitsError, FormatError, Kind

__all__ = ["DitsError", "FormatError", "Kind"]

Detail = object
"""A JSON value of a problem's details."""

KINDS: Mapping[int, Kind] = {
    400: "invalid",
    401: "unauthorized",
    403: "forbidden",
    404: "missing",
    405: "invalid",
    409: "conflict",
    410: "gone",
    413: "too_large",
    414: "too_large",
    416: "invalid",
    422: "unprocessable",
    429: "throttled",
    431: "too_large",
    502: "unavailable",
    503: "unavailable",
    504: "unavailable",
    507: "full",
}
"""What a caller can do, by the status the server chose; anything else is a bug of the server."""


class ProblemError(DitsError):
    """{message}"""

    code: str  # type: ignore[misc] # the server's word, not the class's
    kind: Kind  # type: ignore[misc] # the server's word, not the class's

    def __init__(
        self,
        *,
        status: int,
        code: str,
        message: str,
        details: Mapping[str, Detail] | None = None,
        correlation_id: str = "",
        retry_after_s: float | None = None,
    ) -> None:
        self.status = status
        self.code = code  # pyright: ignore[reportIncompatibleVariableOverride]
        self.kind = KINDS.get(status, "bug")  # pyright: ignore[reportIncompatibleVariableOverride]
        self.details: Mapping[str, Detail] = details or {}
        self.correlation_id = correlation_id
        self.retry_after_s = retry_after_s
        super().__init__(message=message)


class ConnectionLostError(DitsError):
    """{server} did not answer ({reason}); nothing was lost, try the same again"""

    code = "CONNECTION_LOST"
    kind = "unavailable"


class NotDitsError(DitsError):
    """{server} answered something that is not Dits' API ({reason}); check the address"""

    code = "NOT_DITS"
    kind = "invalid"


class WrongAnswerError(DitsError):
    """The server's answer to {operation} lacks or mistypes '{name}'; client and server do not fit"""

    code = "WRONG_ANSWER"
    kind = "bug"


class IntegrityError(DitsError):
    """{thing} {name} arrived with other bytes than it is named after; nothing of it was used"""

    code = "INTEGRITY"
    kind = "corrupt"


class PathRefusedError(DitsError):
    """'{path}' cannot be pushed: {rule}"""

    code = "INVALID_PATH"
    kind = "invalid"


class PathsCollideError(DitsError):
    """'{path}' and '{other}' would be the same file on a disk that ignores letter case or spelling"""

    code = "PATH_COLLISION"
    kind = "unprocessable"


class NoSuchFileError(DitsError):
    """There is no file or directory '{path}'"""

    code = "NO_SUCH_FILE"
    kind = "missing"


class FileMovedOnError(DitsError):
    """'{path}' was written to while it was being read; push it again when it is complete"""

    code = "FILE_CHANGED"
    kind = "conflict"


class LocalFileError(DitsError):
    """'{path}' cannot be {verb}: {reason}"""

    code = "LOCAL_FILE"
    kind = "invalid"


class OutsideDirectoryError(DitsError):
    """'{path}' would be written outside of the directory: {reason}"""

    code = "OUTSIDE_DIRECTORY"
    kind = "invalid"


class LocalEditsError(DitsError):
    """{count} files hold work that no checkout wrote, first '{first}': push, move or overwrite them"""

    code = "LOCAL_EDITS"
    kind = "conflict"


class BusyDirectoryError(DitsError):
    """Another checkout into {directory} is running"""

    code = "BUSY_DIRECTORY"
    kind = "conflict"


class DiskFullError(DitsError):
    """{directory} has {free_bytes} bytes free; {needed_bytes} are needed"""

    code = "DISK_FULL"
    kind = "full"


class PathsClashError(DitsError):
    """'{path}' is a file in the commit this one is made on; it cannot be a directory as well"""

    code = "PATH_CLASH"
    kind = "unprocessable"


class CommitPendingError(DitsError):
    """Commit {commit} is still being worked on after {waited_s} s; ask for it again later"""

    code = "COMMIT_PENDING"
    kind = "unavailable"


class NoBusError(DitsError):
    """The bus transport needs nats-py; install dits-client[bus]"""

    code = "NO_BUS"
    kind = "invalid"
