"""Names of things: a value type for every id, and the one place where ids are derived.

Promises: an id that becomes part of a subject matches ``[a-z0-9-]{1,64}`` and never holds a name or a path.
What has a unique name derives its id from that name; what has none derives it from the idempotency key
of the command that creates it (house: Idempotency), so a retry meets its own effect.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NewType

from blake3 import blake3

from domain.errors import InvalidNameError, InvalidPathError
from domain.format.digest import DIGEST_BYTES, Digest
from domain.format.paths import PATH_BYTES_MAX, broken_path_rule, case_key

__all__ = ["DIGEST_BYTES", "PATH_BYTES_MAX", "Digest", "case_key"]

RepoId = NewType("RepoId", str)
ConsumerId = NewType("ConsumerId", str)
KeyId = NewType("KeyId", str)
SessionId = NewType("SessionId", str)
CommitId = NewType("CommitId", str)
BranchId = NewType("BranchId", str)
TagId = NewType("TagId", str)
FilePath = NewType("FilePath", str)

NAME_PATTERN = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
REF_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*")
SUBJECT_ID_PATTERN = re.compile(r"[a-z0-9-]{1,64}")


@dataclass(frozen=True, slots=True)
class AggregateId:
    """Where an aggregate's events lie: one literal subject, ``dits.evt.<shard>.<family>.<id>``."""

    family: str
    id: str

    def __post_init__(self) -> None:
        assert SUBJECT_ID_PATTERN.fullmatch(self.family), self.family
        assert SUBJECT_ID_PATTERN.fullmatch(self.id), self.id

    def __str__(self) -> str:
        return f"{self.family}.{self.id}"

    @staticmethod
    def parse(text: str) -> AggregateId:
        family, _, rest = text.partition(".")
        return AggregateId(family, rest)


def derived_id(purpose: str, *parts: str) -> str:
    """128 bits of BLAKE3 over unambiguous parts, as 32 hex characters."""
    hasher = blake3(derive_key_context=f"dits id {purpose} v1")
    for part in parts:
        raw = part.encode()
        hasher.update(len(raw).to_bytes(8, "big") + raw)
    return hasher.hexdigest()[:32]


def repo_id(name: str) -> RepoId:
    return RepoId(derived_id("repository", name))


def branch_id(repo: RepoId, name: str) -> BranchId:
    return BranchId(derived_id("branch", repo, name))


def tag_id(repo: RepoId, name: str) -> TagId:
    return TagId(derived_id("tag", repo, name))


def parse_name(text: str) -> str:
    """A repository or consumer name: lower case, digits, ``._-``, at most 64 characters."""
    if not NAME_PATTERN.fullmatch(text):
        raise InvalidNameError(name=text[:64], pattern=NAME_PATTERN.pattern)
    return text


def parse_ref(text: str) -> str:
    """A branch or tag name: letters, digits and ``._-`` in ``/``-joined segments, 128 characters at most."""
    if len(text) > 128 or not REF_PATTERN.fullmatch(text) or ".." in text or text.endswith(".lock"):
        raise InvalidNameError(name=text[:64], pattern=REF_PATTERN.pattern)
    return text


def parse_path(text: str) -> FilePath:
    """A file's path in a tree: relative, ``/``-separated, NFC, at most 1024 bytes of UTF-8.

    Raises InvalidPathError naming the rule that was broken.
    """
    rule = broken_path_rule(text)
    if rule is not None:
        raise InvalidPathError(path=text[:64].encode("unicode_escape").decode()[:64], rule=rule)
    return FilePath(text)


def parse_digest(text: str) -> Digest:
    """64 lower-case hex characters to 32 bytes. Raises InvalidNameError."""
    if not re.fullmatch(r"[0-9a-f]{64}", text):
        raise InvalidNameError(name=text[:64], pattern="[0-9a-f]{64}")
    return Digest(bytes.fromhex(text))


def packed(digests: list[Digest] | tuple[Digest, ...]) -> bytes:
    """Digests as one byte string, 32 bytes each (house: 8,192 a part at most)."""
    return b"".join(digests)


def unpacked(blob: bytes) -> tuple[Digest, ...]:
    assert len(blob) % DIGEST_BYTES == 0, len(blob)
    return tuple(Digest(blob[i : i + DIGEST_BYTES]) for i in range(0, len(blob), DIGEST_BYTES))
