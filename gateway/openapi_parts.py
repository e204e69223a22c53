"""What OpenAPI says of an operation beyond its row in the table: forms, headers, further answers.

Promises: a form that is given here is the one that requests are checked against, or one that lies within it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from domain.ids import NAME_PATTERN, REF_PATTERN
from gateway.operation import AnyOperation

Json = dict[str, Any]

TEXT: Json = {"type": "string"}
BYTES: Json = {"type": "integer", "minimum": 0}


def _form(pattern: str, characters_max: int | None = None) -> Json:
    form = {**TEXT, "pattern": f"^{pattern}$"}
    return form if characters_max is None else {**form, "maxLength": characters_max}


HEX_ID = _form("[0-9a-f]{32}")
DIGEST = _form("[0-9a-f]{64}")
REF = _form(REF_PATTERN.pattern, 128)
PATH: Json = {**TEXT, "minLength": 1, "maxLength": 1_024}

PATH_FORMS: Mapping[str, Json] = {
    "repo": _form(NAME_PATTERN.pattern),
    "commit": HEX_ID,
    "session": HEX_ID,
    "consumer": HEX_ID,
    "key_id": HEX_ID,
    "digest": DIGEST,
    "path": PATH,
    "version_id": _form("v[0-9]{1,9}(-[a-z]+)?", 20),
    "branches.name": REF,
    "tags.name": REF,
    "projections.name": _form("[a-z_]+", 64),
}
"""By name, or by the operation's kind and name where a name has several meanings."""


def path_form(operation: AnyOperation, name: str) -> Json:
    kind = operation.name.partition(".")[0]
    return PATH_FORMS.get(f"{kind}.{name}") or PATH_FORMS.get(name, TEXT)


def header(name: str, form: Json, about: str, *, required: bool = False) -> Json:
    return {"name": name, "in": "header", "required": required, "description": about, "schema": form}


KEY = _form("[!-~]{1,128}")
POSITION: Json = {**TEXT, "minLength": 1, "maxLength": 128}
VERSION_ABOUT = "Which version of the API is spoken; it may stand in the path or the query instead."
CORRELATION = header("X-Correlation-ID", _form("[A-Za-z0-9._~-]{1,128}"), "Kept and returned.")

PREFER = header("Prefer", _form("wait=[0-9]{1,2}"), "How many seconds to wait (RFC 7240).")
IF_NONE_MATCH = header("If-None-Match", TEXT, "The ETag that is already here (RFC 9110).")
MORE_HEADERS: Mapping[str, tuple[Json, ...]] = {
    "commits.open": (PREFER,),
    "branches.delete": (header("If-Match", TEXT, "The head that is to be deleted (RFC 9110)."),),
    "files.put": (
        header("Upload-Offset", BYTES, "The confirmed offset from which on bytes are sent.", required=True),
        header("Upload-Length", BYTES, "The whole file's size in bytes.", required=True),
    ),
    "files.read": (header("Range", TEXT, "One range of bytes (RFC 9110)."), IF_NONE_MATCH),
    "recipes.get": (IF_NONE_MATCH,),
    "trees.get": (IF_NONE_MATCH,),
    "manifests.get": (IF_NONE_MATCH,),
    "pictures.get": (IF_NONE_MATCH,),
    "events.read": (PREFER, header("Last-Event-ID", POSITION, "Where a stream is taken up again.")),
}


def headers_of(operation: AnyOperation, edition: str) -> list[Json]:
    """All that a request of this operation may say in its headers."""
    version = header("X-API-Version", {**TEXT, "enum": [edition]}, VERSION_ABOUT)
    return [version, CORRELATION, _once_or_after(operation), *MORE_HEADERS.get(operation.name, ())]


def _once_or_after(operation: AnyOperation) -> Json:
    if operation.writes:
        return header("Idempotency-Key", KEY, "The same for every retry.", required=operation.needs_key)
    return header("X-Dits-After", POSITION, "What is read shows at least this position.")


MORE_ANSWERS: Mapping[str, Mapping[int, str]] = {
    "commits.open": {202: "It is not decided yet; look again at `Location`."},
    "files.put": {204: "What was sent is confirmed; the file is not complete."},
    "files.read": {206: "The range that was asked for.", 304: "Unchanged."},
    "recipes.get": {304: "Unchanged."},
    "trees.get": {304: "Unchanged."},
    "manifests.get": {304: "Unchanged."},
    "pictures.get": {304: "Unchanged."},
}
"""Besides `Operation.success`, with what each means."""
BYTES_FORMS: Mapping[str, str] = {"pictures.get": "image/jpeg"}
"""Media types of bytes that are no mere octets."""
EMPTY_STATUSES = frozenset({204, 304})

ANSWER_HEADERS: Json = {
    "X-API-Version": {"schema": TEXT},
    "X-Correlation-ID": {"schema": TEXT},
    "X-Dits-Position": {"schema": TEXT},
}


def _warning(*words: str) -> Json:
    """What is the matter with a file; a client may rely on the words, separated by commas."""
    said = ", ".join(f"`{word}`" for word in words)
    return {"X-Dits-Warning": {"schema": TEXT, "description": f"What is the matter, if anything is: {said}."}}


_MATTERS = ("corrupted-container", "container-warning", "unsupported-codec", "av-sync", "opaque-project")
MORE_ANSWER_HEADERS: Mapping[str, Mapping[int, Json]] = {
    "commits.open": {201: _warning(*_MATTERS)},
    "files.put": {201: _warning("corrupted-container", "unsupported-codec")},
    "media.show": {200: _warning(*_MATTERS, "hdr-metadata-lost")},
    "media.salvage": {
        202: {"Location": {"schema": TEXT, "description": "Where what becomes of it is told."}}
    },
    "pictures.get": {200: {"ETag": {"schema": TEXT}}, 304: {"ETag": {"schema": TEXT}}},
}
"""By status. v1 describes none of them: what it says is frozen."""
