"""What is wrong with the world: stores, the log, the database, the start of a process."""

from __future__ import annotations

from domain.format.errors import DitsError


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


class NotNowError(DitsError):
    """Not now; nothing was lost, try the same request again"""

    code = "SERVICE_UNAVAILABLE"
    kind = "unavailable"


class UnavailableError(NotNowError):
    """{dependency} does not answer; nothing was lost, try the same request again"""


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
    """The event server acknowledges before it syncs (sync_interval is not 'always'); a power cut would lose acknowledged events. Set it, or accept the loss with --unsafe-lazy-fsync"""

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
