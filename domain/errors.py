"""Every error that crosses a package border: its message, its public code, and what a caller can do.

HTTP statuses live in ``gateway/errors.py`` alone. A new error is one class here.
"""

from __future__ import annotations

from collections.abc import Iterator

from domain.format.errors import DitsError, Fact, FormatError, Kind, ManifestCorruptionError

__all__ = ["DitsError", "Fact", "FormatError", "Kind", "ManifestCorruptionError", "by_code"]


# ------------------------------------------------------------------ what was asked is wrong
class InvalidNameError(DitsError):
    """'{name}' is not a valid name; names match {pattern}"""

    code = "INVALID_NAME"
    kind = "invalid"


class InvalidPathError(DitsError):
    """Path '{path}' is refused: {rule}"""

    code = "INVALID_PATH"
    kind = "invalid"


class PathCollisionError(DitsError):
    """Paths '{path}' and '{other}' differ only in letter case and cannot both exist"""

    code = "PATH_COLLISION"
    kind = "unprocessable"


class PathClashError(DitsError):
    """'{path}' cannot be a file and a directory at once"""

    code = "PATH_CLASH"
    kind = "unprocessable"


class InvalidPositionError(DitsError):
    """'{given}' is not a position of this log"""

    code = "INVALID_POSITION"
    kind = "invalid"


class MalformedBodyError(DitsError):
    """The body is not valid {expected}: {reason}"""

    code = "MALFORMED_BODY"
    kind = "invalid"


class InvalidBodyError(DitsError):
    """The body does not fit: {problems}"""

    code = "INVALID_BODY"
    kind = "unprocessable"


class InvalidQueryError(DitsError):
    """The query does not fit: {problems}"""

    code = "INVALID_QUERY"
    kind = "invalid"


class BodyTooLargeError(DitsError):
    """The body is larger than the limit of {limit_bytes} bytes"""

    code = "BODY_TOO_LARGE"
    kind = "too_large"


class RangeNotSatisfiableError(DitsError):
    """The requested range lies outside the file's {size_bytes} bytes"""

    code = "RANGE_NOT_SATISFIABLE"
    kind = "invalid"


class IdempotencyKeyRequiredError(DitsError):
    """This command needs an Idempotency-Key"""

    code = "IDEMPOTENCY_KEY_REQUIRED"
    kind = "invalid"


class IdempotencyKeyReusedError(DitsError):
    """Idempotency key '{key}' was used before with another body"""

    code = "IDEMPOTENCY_KEY_REUSED"
    kind = "unprocessable"


class IdempotencyKeyringFullError(DitsError):
    """Too many live idempotency keys ({live_keys}) on this resource; try again later"""

    code = "IDEMPOTENCY_KEYRING_FULL"
    kind = "throttled"


# ------------------------------------------------------------------ who may
class UnauthorizedError(DitsError):
    """{reason}"""

    code = "UNAUTHORIZED"
    kind = "unauthorized"


class ForbiddenError(DitsError):
    """This key lacks the scope '{scope}'"""

    code = "FORBIDDEN"
    kind = "forbidden"


# ------------------------------------------------------------------ what is not there, or there already
class NotFoundError(DitsError):
    """There is no {thing} '{name}' here"""

    code = "NOT_FOUND"
    kind = "missing"


class AlreadyExistsError(DitsError):
    """There is already a {thing} '{name}'"""

    code = "ALREADY_EXISTS"
    kind = "conflict"


class ConcurrencyConflictError(DitsError):
    """{aggregate} was changed by somebody else in the meantime"""

    code = "CONCURRENCY_CONFLICT"
    kind = "conflict"


class StaleHeadError(DitsError):
    """Branch '{branch}' moved: its head is {head}, not {expected}"""

    code = "STALE_HEAD"
    kind = "conflict"


class PathConflictError(DitsError):
    """'{path}' was changed on the branch as well; update to its head and commit again"""

    code = "PATH_CONFLICT"
    kind = "conflict"


class ReferenceUnderflowError(DitsError):
    """{holder} does not hold {manifest}, so it cannot release it"""

    code = "REFCOUNT_UNDERFLOW"
    kind = "conflict"


class LastKeyError(DitsError):
    """This is the last key that can administer keys; issue another one first"""

    code = "LAST_ADMIN_KEY"
    kind = "conflict"


# ------------------------------------------------------------------ uploads
class UploadOffsetMismatchError(DitsError):
    """The upload of '{path}' stands at byte {offset}, not at {given}"""

    code = "UPLOAD_OFFSET_MISMATCH"
    kind = "conflict"


class UploadLengthMismatchError(DitsError):
    """'{path}' was announced with {announced} bytes; {given} do not fit"""

    code = "UPLOAD_LENGTH_MISMATCH"
    kind = "unprocessable"


class UploadFencedError(DitsError):
    """Another request took over the upload of '{path}'"""

    code = "UPLOAD_FENCED"
    kind = "conflict"


class SessionClosedError(DitsError):
    """Upload session {session} is {state}; start a new one"""

    code = "UPLOAD_SESSION_CLOSED"
    kind = "conflict"


class UploadExpiredError(DitsError):
    """Upload session {session} expired; start a new one"""

    code = "UPLOAD_EXPIRED"
    kind = "gone"


class ChunkDigestMismatchError(DitsError):
    """Chunk {name} holds other bytes: they hash to {actual}"""

    code = "CHUNK_DIGEST_MISMATCH"
    kind = "unprocessable"


class ChunkSizeError(DitsError):
    """A chunk has 1 to {limit_bytes} bytes; this one has {size_bytes}"""

    code = "CHUNK_SIZE"
    kind = "unprocessable"


class UnknownContentError(DitsError):
    """{count} named {thing}s were never sent to this repository; the first is {first}"""

    code = "UNKNOWN_CONTENT"
    kind = "unprocessable"


class CommitFailedError(DitsError):
    """Commit {commit} failed: {reason}"""

    code = "COMMIT_FAILED"
    kind = "conflict"


# ------------------------------------------------------------------ locks
class LockHeldError(DitsError):
    """'{path}' is locked by {holder} since {since}"""

    code = "LOCK_HELD"
    kind = "conflict"


class LockLostError(DitsError):
    """The lock on '{path}' with token {token} is no longer held"""

    code = "LOCK_LOST"
    kind = "conflict"


# ------------------------------------------------------------------ the world
class ChunkNotFoundError(DitsError):
    """Object {name} is in no store"""

    code = "CHUNK_NOT_FOUND"
    kind = "missing"


class CorruptObjectError(DitsError):
    """Object {name} does not hold the bytes it is named after"""

    code = "OBJECT_CORRUPTED"
    kind = "corrupt"


class WriteVerificationError(DitsError):
    """Object {name} read back as {actual} after it was written"""

    code = "WRITE_VERIFICATION_FAILED"
    kind = "unavailable"


class InsufficientStorageError(DitsError):
    """There is no space left in {store}"""

    code = "INSUFFICIENT_STORAGE"
    kind = "full"


class UnavailableError(DitsError):
    """{dependency} does not answer; nothing was lost, try the same request again"""

    code = "SERVICE_UNAVAILABLE"
    kind = "unavailable"


class OutcomeUnknownError(UnavailableError):
    """{dependency} did not confirm in time; the same request with the same key settles it"""


class LogRegressedError(DitsError):
    """The log lost or changed message {sequence} since this process last saw it; nothing is written until an operator has looked"""

    code = "LOG_REGRESSED"
    kind = "unavailable"


class LogFullError(InsufficientStorageError):
    """The event log has reached its limit of {limit_bytes} bytes"""


class EventTooLargeError(DitsError):
    """The facts of one command do not fit into one message ({size_bytes} of {limit_bytes} bytes)"""

    code = "EVENT_TOO_LARGE"
    kind = "too_large"


class LazyFsyncError(DitsError):
    """The event server acknowledges before it syncs (sync_interval is not 'always'); a power cut would lose acknowledged events. Set it, or start with --unsafe-lazy-fsync"""

    code = "LAZY_FSYNC"
    kind = "invalid"


class UnknownTopicError(DitsError):
    """The log holds an event of topic '{topic}' that this version does not know; upgrade, or skip it with a reason"""

    code = "UNKNOWN_TOPIC"
    kind = "corrupt"


class MalformedEventError(DitsError):
    """An event of topic '{topic}' does not fit its schema ({problem}); upgrade, or skip it with a reason"""

    code = "MALFORMED_EVENT"
    kind = "corrupt"


class UnfitLogError(DitsError):
    """Stream {stream} is not what Dits needs: {problems}"""

    code = "LOG_UNFIT"
    kind = "invalid"


class ServerTooOldError(DitsError):
    """The event server is version {version}; Dits needs {needed} or newer"""

    code = "SERVER_TOO_OLD"
    kind = "invalid"


class NotYetConsistentError(DitsError):
    """The read model has not reached the position you asked for yet"""

    code = "READ_NOT_YET_CONSISTENT"
    kind = "unavailable"


class SerializationFailureError(DitsError):
    """Other transactions kept winning over '{step}'; nothing was written, try the same request again"""

    code = "SERIALIZATION_FAILURE"
    kind = "unavailable"


class RebuildRunningError(DitsError):
    """Projection '{projection}' is being rebuilt already"""

    code = "REBUILD_RUNNING"
    kind = "conflict"


class RebuildCancelledError(DitsError):
    """The rebuild of projection '{projection}' was cancelled; the live one goes on as before"""

    code = "REBUILD_CANCELLED"
    kind = "conflict"


class ProjectionHaltedError(DitsError):
    """Projection '{projection}' stopped: {parked} of its events do not fit, which is more than a poison event"""

    code = "PROJECTION_HALTED"
    kind = "corrupt"


class ArchiveMismatchError(DitsError):
    """The archive and the event log differ from message {sequence} on; nothing is archived until an operator has looked"""

    code = "ARCHIVE_MISMATCH"
    kind = "corrupt"


class MigrationFailedError(DitsError):
    """Migration {version} failed and left the schema as it was: {reason}"""

    code = "MIGRATION_FAILED"
    kind = "unavailable"


class SettingsError(DitsError):
    """Settings are wrong: {problems}"""

    code = "SETTINGS_INVALID"
    kind = "invalid"


class AlreadyRunningError(DitsError):
    """Dits already runs on {data_dir} as process {pid}; stop that one first, or name another data directory"""

    code = "ALREADY_RUNNING"
    kind = "conflict"


class NotRunningError(DitsError):
    """No Dits runs on {data_dir}, and the settings name no other servers"""

    code = "NOT_RUNNING"
    kind = "unavailable"


class StartFailedError(DitsError):
    """{server} did not start: {reason}"""

    code = "START_FAILED"
    kind = "unavailable"


def by_code(code: str) -> type[DitsError] | None:
    """The class that carries this code: how a failure recorded in an event becomes an error again."""
    return next((cls for cls in _all(DitsError) if cls.code == code), None)


def _all(base: type[DitsError]) -> Iterator[type[DitsError]]:
    for cls in base.__subclasses__():
        yield cls
        yield from _all(cls)
