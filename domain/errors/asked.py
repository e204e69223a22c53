"""What is wrong with what was asked, or with the moment in which it was."""

from __future__ import annotations

from domain.format.errors import DitsError


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


class TreeSizeError(DitsError):
    """A tree says that '{name}' has {said} bytes; it has {actual}"""

    code = "TREE_SIZE_MISMATCH"
    kind = "unprocessable"


class CommitTooLargeError(DitsError):
    """A commit changes at most {limit} files"""

    code = "COMMIT_TOO_LARGE"
    kind = "too_large"


class CorruptedContainerError(DitsError):
    """{path} is a damaged media container; salvage what can be played, or commit it as raw"""

    code = "CORRUPTED_CONTAINER"
    kind = "unprocessable"


class PictureNotDrawnError(DitsError):
    """There is no {kind} of '{path}' yet"""

    code = "MEDIA_PICTURE_NOT_DRAWN"
    kind = "missing"


class NoPictureError(DitsError):
    """There will be no {kind} of '{path}': {what}"""

    code = "MEDIA_HAS_NO_PICTURE"
    kind = "missing"


class NotDamagedError(DitsError):
    """There is nothing to salvage of '{path}': {what}"""

    code = "MEDIA_NOT_DAMAGED"
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
