"""Media: what the server found in films, sounds and editing projects, and what it makes of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Literal

from . import operations as op
from .assets import MediaFile, MediaLine, Salvage
from .calls import Calls
from .wire import Call, Plain


@dataclass(frozen=True, slots=True)
class MediaFilter:
    """Which files of a commit; None asks for nothing."""

    prefix: str | None = None
    codec: str | None = None
    """Whole, as ``avc1.64001f``, or what stands before its first dot."""
    hdr: str | None = None
    """hdr10, hdr10+, dolby-vision, hlg, any or none."""
    kind: str | None = None
    """video, audio, project or other."""
    mode: str | None = None
    """media, raw or project."""
    warning: str | None = None
    """One word of those that `MediaLine.warnings` holds, any or none."""
    duration_ms_min: int | None = None
    duration_ms_max: int | None = None

    def as_query(self) -> dict[str, Plain]:
        return {name: value for name, value in asdict(self).items() if value is not None}


ALL = MediaFilter()


class Media:
    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def list(self, repo: str, commit: str, wanted: MediaFilter = ALL) -> Iterator[MediaLine]:
        """In the order of paths; a file that is neither media nor a project is not among them."""
        where = {"repo": repo, "commit": commit}
        yield from self._calls.items(op.MEDIA_LIST, where, MediaLine.of, wanted.as_query())

    def show(self, repo: str, commit: str, path: str) -> MediaFile:
        """Also of a file for whose damage the commit was refused."""
        where = {"repo": repo, "commit": commit, "path": path}
        return MediaFile.of(self._calls.ask(op.MEDIA_SHOW, where))

    def salvage(
        self, repo: str, branch: str, path: str, *, commit: str | None = None, target: str | None = None
    ) -> Salvage:
        """Ask for what can be played of a damaged file; it is written and committed later, or it fails.

        `show` tells what became of it. `commit` may be one that was refused; without it the branch's head is
        meant.
        """
        body = {"branch": branch, "path": path, "commit": commit, "target": target}
        return Salvage.of(self._calls.ask(op.MEDIA_SALVAGE, {"repo": repo}, body=body))

    def picture(
        self, repo: str, commit: str, path: str, *, kind: Literal["poster", "sheet"] = "poster"
    ) -> bytes:
        """A JPEG. Raises ProblemError MEDIA_PICTURE_NOT_DRAWN while there is none."""
        where = {"repo": repo, "commit": commit, "path": path}
        return self._calls.carry(Call(op.PICTURES_GET, where, {"kind": kind}), self._calls.http).content
