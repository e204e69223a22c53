"""What to do about each error, by its code: the one place of advice that `docs/errors.md` is made from.

Promises: every code that a server, a client or the program says has a line here, in the order of the page; a
test compares. A code is a public contract: a line is added, never renamed.
"""

from __future__ import annotations

from collections.abc import Mapping

Cures = Mapping[str, str]

VERSIONS: Cures = {
    "INVALID_VERSION_FORMAT": (
        "Write the version as `v2` or `v3-beta`: lower case, 2 to 20 characters, at most 9 digits. "
        "`details.source` says where the wrong one stood. Control characters in it are a security event."
    ),
    "VERSION_NOT_FOUND": (
        "Choose one of `details.available_versions` (or `GET /versions`). `details.did_you_mean` helps "
        "with letter case. The same answer is given for a version that you may not see."
    ),
    "PRERELEASE_OPT_IN_REQUIRED": "Send `X-API-Prerelease-Opt-In: true` with a key, or use a stable version.",
    "VERSION_CONFLICT": (
        "Name one version: header, path and query must agree. `details.specifications` lists what was "
        "sent. A version pinned to a key never conflicts."
    ),
    "VERSION_SUNSET": (
        "Move to `details.successor_version`; `details.migration_guide_url` says how. It will not come back."
    ),
    "VERSION_BROWNOUT": (
        "Wait until `details.ends_at`, and move to the successor: this is a rehearsal of its sunset."
    ),
    "REGISTRY_FILE_INVALID": (
        "Mend the file at `details.line`, `details.column`; `dits versions check FILE` judges it without "
        "a server."
    ),
    "REGISTRY_DRIFT": (
        "Look at `dits versions history`; then `dits versions apply FILE --adopt`, or change what `dits "
        "versions export` writes."
    ),
    "VERSION_TRANSITION_REFUSED": (
        "`dits versions show V` says what it is now; the message says what it cannot become, and why. "
        "Nothing comes back from sunset."
    ),
    "VERSION_LIMIT_EXCEEDED": (
        "Sunset old versions and take them out of the file: 100 is the limit, 20 is wise."
    ),
}
CALLERS: Cures = {
    "UNAUTHORIZED": (
        "*Authentication required*: send `X-API-Key` or `Authorization: Bearer`. *Invalid API key*: ask "
        "an administrator for another one; ten wrong ones a minute close an address. *OAuth token "
        "expired*: renew it at `details.refresh.token_endpoint`. *Invalid OAuth token*: get one from the "
        "right issuer."
    ),
    "FORBIDDEN": "Ask an administrator for a key with the scope that is named.",
    "RATE_LIMIT_EXCEEDED": (
        "Wait `Retry-After` seconds, then longer each time (exponential backoff). With a key: 1000 a "
        "minute instead of 100; an administrator can raise it (`dits keys limit`)."
    ),
    "LAST_ADMIN_KEY": "Issue another key with `admin:keys` first.",
}
REQUESTS: Cures = {
    "NOT_FOUND": "Check the name. A private repository that your key may not see looks the same.",
    "METHOD_NOT_ALLOWED": "Use a method of the `Allow` header.",
    "UNSUPPORTED_MEDIA_TYPE": "Send the `Content-Type` that is named.",
    "MALFORMED_REQUEST": "Send well-formed HTTP; a proxy or a hand-made client is in the way.",
    "MALFORMED_BODY": "Send a body of the form that is named.",
    "INVALID_BODY": "Mend the members that `details.problems` names.",
    "INVALID_QUERY": "Mend the parameters that `details.problems` names.",
    "INVALID_NAME": "Choose a name of the pattern that is named.",
    "INVALID_PATH": "Choose a path that follows the rule that is named ([formats](formats.md)).",
    "INVALID_POSITION": "Use a position that this server gave you, since its log was last made anew.",
    "BODY_TOO_LARGE": "Send less at once; the limit is in the details.",
    "EVENT_TOO_LARGE": "Ask for less in one command.",
    "RANGE_NOT_SATISFIABLE": "Ask for bytes within the file; `Content-Range` says how many there are.",
    "REQUEST_TIMEOUT": "Send the request without pauses; look at the line in between.",
    "URI_TOO_LONG": "Shorten the address: 8 KiB is the limit.",
    "REQUEST_HEADER_FIELDS_TOO_LARGE": (
        "Send smaller or fewer header fields: 16 KiB and 100 of them, 1 KiB for a version."
    ),
    "IDEMPOTENCY_KEY_REQUIRED": "Send an `Idempotency-Key` of your choice, the same one with every retry.",
    "IDEMPOTENCY_KEY_REUSED": "Use a new key for a new command.",
    "IDEMPOTENCY_KEYRING_FULL": "Wait: keys are forgotten after 24 hours.",
}
CHANGES: Cures = {
    "ALREADY_EXISTS": "Take what is there, or choose another name.",
    "CONCURRENCY_CONFLICT": "Read it again, then repeat.",
    "STALE_HEAD": "Update to the head that is named, then commit again.",
    "PATH_CONFLICT": "Update to the branch's head, settle the path, then commit again.",
    "PATH_COLLISION": "Rename one of the two: some disks ignore letter case.",
    "PATH_CLASH": "Remove the file first, or choose another directory.",
    "COMMIT_FAILED": "See the commit's `failure`; mend that, then commit again.",
    "CORRUPTED_CONTAINER": (
        "Send the file again: most often a transfer was cut. `details.issues` says what is wrong. To keep it "
        "as it is, commit it with `raw` (`dits push --raw PATH`); `dits media salvage PATH` then writes what "
        "can be played beside it."
    ),
    "MEDIA_PICTURE_NOT_DRAWN": (
        "Ask again in a moment: a worker draws pictures of videos that were committed. Of what cannot be "
        "decoded there is none."
    ),
    "MEDIA_HAS_NO_PICTURE": "Ask for one of a film that is stored as media; the message says what this is.",
    "MEDIA_NOT_DAMAGED": (
        "Check it out: every byte of it is there. What cannot be played all the same was sent like that."
    ),
    "COMMIT_TOO_LARGE": "Split the commit.",
    "LOCK_HELD": "Ask the holder that is named, wait, or see `dits locks`.",
    "LOCK_LOST": "Take the lock again, and look at what changed meanwhile.",
    "REFCOUNT_UNDERFLOW": "An operator has to look: something released what it did not hold.",
}
UPLOADS: Cures = {
    "UPLOAD_OFFSET_MISMATCH": "Go on at the byte that `Upload-Offset` names.",
    "UPLOAD_LENGTH_MISMATCH": "Send as many bytes as were announced; a new session announces anew.",
    "UPLOAD_FENCED": "Another request writes this file; let it, or take over by starting again.",
    "UPLOAD_SESSION_CLOSED": "Start a new session; chunks that arrived need not be sent again.",
    "UPLOAD_EXPIRED": "Start a new session.",
    "CHUNK_DIGEST_MISMATCH": "Send the chunk again; if it happens again, suspect the memory or the line.",
    "CHUNK_SIZE": "Cut chunks of 1 byte to the limit that is named.",
    "UNKNOWN_CONTENT": "Send what is missing, then commit again.",
    "TREE_SIZE_MISMATCH": "Make the tree again from the recipes.",
    "FORMAT_INVALID": "Make it again as [formats](formats.md) says; use the SDK.",
}
SERVERS: Cures = {
    "SERVICE_UNAVAILABLE": (
        "Send the same request again with the same key, after `Retry-After`. `details.reason` says why: "
        "see [below](#why-503)."
    ),
    "READ_NOT_YET_CONSISTENT": "Ask again in a moment: the read model is catching up with `X-Dits-After`.",
    "SERIALIZATION_FAILURE": "Send the same request again.",
    "WRITE_VERIFICATION_FAILED": "Send it again; an operator looks at the disk.",
    "INSUFFICIENT_STORAGE": "Free some space ([runbook](runbooks/disk-full.md)); reads go on.",
    "LOG_REGRESSED": (
        "Nothing is written until an operator has looked ([runbook](runbooks/log-regressed.md))."
    ),
    "CHUNK_NOT_FOUND": "An operator has to look: stored bytes are missing.",
    "OBJECT_CORRUPTED": "An operator has to look: stored bytes are wrong, and were not served.",
    "MANIFEST_CORRUPTED": "An operator has to look: a stored manifest is wrong, and was not served.",
    "INTERNAL_SERVER_ERROR": "A fault of Dits: report it with the correlation id.",
}
OPERATORS: Cures = {
    "SETTINGS_INVALID": "Mend the names that are listed; `dits settings` lists the right ones.",
    "ALREADY_RUNNING": "Stop the other process, or use another `DITS_DATA_DIR`.",
    "NOT_RUNNING": "Start it with `dits up`, or name the servers ([settings](settings.md)).",
    "START_FAILED": "Read the reason and the log that is named.",
    "LAZY_FSYNC": "Set `sync_interval: always` in the server's `jetstream` block.",
    "LOG_UNFIT": "Mend the stream as the message says; `dits init` makes a right one.",
    "SERVER_TOO_OLD": "Upgrade nats-server.",
    "MIGRATION_FAILED": "Mend the reason, then start again; the schema is as it was.",
    "UNKNOWN_TOPIC": (
        "Upgrade: a newer Dits wrote this log. Or skip the event ([runbook](runbooks/parked.md))."
    ),
    "MALFORMED_EVENT": "Upgrade, or skip the event ([runbook](runbooks/parked.md)).",
    "PROJECTION_HALTED": "See `dits projections parked` ([runbook](runbooks/parked.md)).",
    "REBUILD_RUNNING": "Wait for the rebuild that runs.",
    "REBUILD_CANCELLED": "Begin it again when it suits.",
    "ARCHIVE_MISMATCH": (
        "Nothing is archived until an operator has looked ([runbook](runbooks/log-regressed.md))."
    ),
}
CLIENT: Cures = {
    "CONNECTION_LOST": (
        "Do the same again: nothing was lost. If it stays, check address and line (`dits doctor`)."
    ),
    "NOT_DITS": "Check the address.",
    "WRONG_ANSWER": "Upgrade the older of client and server.",
    "INTEGRITY": "Ask again; if it stays, an operator has to look. Nothing of it was used.",
    "NO_BUS": "`pip install 'dits-client[bus]'`.",
    "COMMIT_PENDING": "Ask for the commit again later; it is finished without you.",
    "NO_SUCH_FILE": "Check the path.",
    "FILE_CHANGED": "Push again when the file is complete.",
    "LOCAL_FILE": "Mend what the message names: permissions, a link, a device.",
    "OUTSIDE_DIRECTORY": "Do not check out what names such a path; report who committed it.",
    "LOCAL_EDITS": "Push, move or overwrite (`--overwrite`) these files.",
    "BUSY_DIRECTORY": "Wait for the other checkout.",
    "DISK_FULL": "Free as much as is named.",
    "USAGE": "See `dits COMMAND --help`.",
}
SECTIONS: Mapping[str, Cures] = {
    "The version of the API": VERSIONS,
    "Who asks, and how often": CALLERS,
    "What was asked": REQUESTS,
    "Changes that do not fit": CHANGES,
    "Uploads": UPLOADS,
    "The server's own trouble": SERVERS,
    "Where servers are run": OPERATORS,
    "On the client's side": CLIENT,
}
"""In the page's order."""

REASONS: Cures = {
    "DEPENDENCY_UNAVAILABLE": (
        "The event log or the database does not answer, or too many requests wait. `details.advice` says "
        "more ([runbook](runbooks/unavailable.md))."
    ),
    "MEMORY_PRESSURE": (
        "The process has more than 95 % of its memory in use and takes no uploads for a while."
    ),
    "REGISTRY_NOT_INITIALIZED": (
        "No file of versions was ever taken: mend it ([runbook](runbooks/versions-file.md))."
    ),
    "NO_CURRENT_VERSION": "The file leaves no current version ([runbook](runbooks/versions-file.md)).",
    "MULTIPLE_CURRENT_VERSIONS": "The file leaves several ([runbook](runbooks/versions-file.md)).",
    "REGISTRY_CORRUPTED": (
        "The process found its copy of the registry broken and makes it again "
        "([runbook](runbooks/versions-corrupted.md))."
    ),
}
"""`details.reason` of SERVICE_UNAVAILABLE."""
