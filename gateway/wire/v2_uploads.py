"""Bodies of the upload routes in edition v2."""

from __future__ import annotations

from gateway.operation import Wire


class SessionLimits(Wire):
    """What one request of this session may hold."""

    chunk_bytes_max: int
    batch_bytes_max: int
    batch_chunks_max: int


class SessionFile(Wire):
    """A file that is sent whole, and how far it is."""

    path: str
    offset_bytes: int
    length_bytes: int
    recipe: str | None


class Session(Wire):
    session: str
    state: str
    position: str
    """Content that the repository held here need not be sent again."""
    files: list[SessionFile]
    limits: SessionLimits


class StoredChunks(Wire):
    stored: int
    known: int
    """Sent before by this session, and so sent in vain."""
    stored_bytes: int


class RecordedObjects(Wire):
    recorded: int
    known: int


class CompletedFile(Wire):
    """A file that is all there; what is not null besides is worth a look before it is committed."""

    path: str
    recipe: str
    size_bytes: int
    fallback: str | None = None
    """raw: a codec of it is not supported."""
    warning: str | None = None
    """Which one."""
    stored_as: str | None = None
    """Of an editing program's project: parsed, or opaque if its version is not known."""
    nle: str | None = None
    version: str | None = None
    supported: bool | None = None
