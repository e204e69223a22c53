"""What a content is, found by looking at its bytes: media, an editing project, or neither (seeds 4.1-4.5).

Promises: a function of the bytes and of `READER` alone, so whoever looks again finds the same; only the parts
that tell are read, whatever the size of the file; a file's name decides nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from domain.asset.decider import Finding
from domain.asset.events import (
    AssetStored,
    AvSyncWarningRaised,
    FoundGap,
    FoundIssue,
    HdrMetadataExtracted,
    Mode,
    NleProjectParsed,
    NleProjectStoredOpaque,
    UnsupportedCodecFlagged,
)
from domain.format.errors import FormatError
from domain.format.media.codecs import unsupported_codecs
from domain.format.media.facts import facts_of
from domain.format.media.hdr import HdrMetadata
from domain.format.media.movie import Issue, Movie
from domain.format.media.reading import is_media, read_movie
from domain.format.media.source import Source
from domain.format.media.timing import Sync, check_sync
from domain.ids import Digest, RepoId
from domain.nle import detecting
from domain.nle.examining import examine as examine_project
from domain.nle.project import NleProject

READER = 1
"""Grows when this finds more than it did; what an older one found is then looked at again."""
HEAD_BYTES = 64
GAPS_TOLD_MAX = 100
"""Of one film: who has to close more needs another take."""
ISSUES_MAX = 32
"""Told of one file."""
REFERENCES_TOLD_BYTES_MAX = 256 * 1024
"""Of a project, in its event, of which a message takes 512 KiB; all of them are in the file."""
OTHER_VERSION = "its version is not supported"
"""Why a project that can be read is not looked into."""


@dataclass(frozen=True, slots=True)
class Examination:
    """What was found in one content; `mode` is None for what is neither media nor a project."""

    size_bytes: int
    mode: Mode | None = None
    facts: bytes = b""
    issues: tuple[Issue, ...] = ()
    """The first ISSUES_MAX, errors before warnings."""
    is_damaged: bool = False
    unsupported: tuple[str, ...] = ()
    sync: Sync | None = None
    gaps: tuple[FoundGap, ...] = ()
    """The first GAPS_TOLD_MAX of a film that is out of sync."""
    hdr: HdrMetadata | None = None
    project: NleProject | None = None


def examine(source: Source, *, raw: bool = False) -> Examination:
    """`raw`: somebody chose to keep it as it is, so nothing that is wrong with it matters."""
    head = source.read(0, HEAD_BYTES)
    if is_media(head):
        try:
            movie = read_movie(source)
        except FormatError as beyond:  # our limits, so nobody's mistake: it is kept, and not understood
            issue = Issue("warning", f"Not looked into: {beyond.facts['reason']}")
            return Examination(source.size_bytes, "raw", issues=(issue,))
        if movie is not None:
            return _media(source, movie, raw=raw)
    if detecting.may_be_project(head):
        project = examine_project(source)
        if project is not None:
            return Examination(source.size_bytes, "project", project=project)
    return Examination(source.size_bytes)


def _media(source: Source, movie: Movie, *, raw: bool) -> Examination:
    unsupported = tuple(dict.fromkeys(each.codec_id for each in unsupported_codecs(movie)))
    mode: Mode = "raw" if raw or unsupported or not movie.is_sound else "media"
    looked = Examination(
        source.size_bytes,
        mode,
        issues=tuple(sorted(movie.issues, key=_weight)[:ISSUES_MAX]),
        is_damaged=not movie.is_sound,
        unsupported=unsupported,
    )
    if looked.is_damaged:
        return looked
    facts = facts_of(source, movie)
    hdr = facts.hdr if facts.hdr.has_hdr else None
    gaps = () if facts.sync.valid else _first_gaps(movie)
    return replace(looked, facts=facts.encode(), sync=facts.sync, gaps=gaps, hdr=hdr)


def _first_gaps(movie: Movie) -> tuple[FoundGap, ...]:
    found = ((gap, track) for track in check_sync(movie).tracks for gap in track.gaps)
    first = sorted(found, key=lambda each: (each[0].at_ms, each[1].track_id))[:GAPS_TOLD_MAX]
    return tuple(
        FoundGap(track=track.track_id, at_ms=gap.at_ms, lasting_ms=gap.lasting_ms) for gap, track in first
    )


def _weight(issue: Issue) -> int:
    return 0 if issue.severity == "error" else 1


def issues_told(found: Examination) -> tuple[FoundIssue, ...]:
    return tuple(FoundIssue(severity=each.severity, message=each.message) for each in found.issues)


def findings(found: Examination, repo: RepoId, recipe: Digest) -> tuple[Finding, ...]:
    """As the asset's events say it; none for what is neither media nor a project."""
    if found.mode is None:
        return ()
    told: list[Finding] = [
        AssetStored(
            repo=repo,
            recipe=recipe,
            size_bytes=found.size_bytes,
            mode=found.mode,
            facts=found.facts,
            issues=issues_told(found),
            reader=READER,
        )
    ]
    if found.unsupported:
        told.append(UnsupportedCodecFlagged(repo=repo, recipe=recipe, codecs=found.unsupported))
    if found.sync is not None and not found.sync.valid:
        told.append(_out_of_sync(found.sync, found.gaps, repo, recipe))
    if found.hdr is not None:
        told.append(_hdr(found.hdr, repo, recipe))
    if found.project is not None:
        told.append(_project(found.project, repo, recipe))
    return tuple(told)


def reason_of_opaque(project: NleProject) -> str:
    return project.trouble or OTHER_VERSION


def _out_of_sync(sync: Sync, gaps: tuple[FoundGap, ...], repo: RepoId, recipe: Digest) -> AvSyncWarningRaised:
    return AvSyncWarningRaised(
        repo=repo,
        recipe=recipe,
        drift_ms=sync.drift_ms,
        gaps=sync.gap_count,
        first_gaps=gaps,
        suggestion=sync.suggestion or "",
    )


def _hdr(hdr: HdrMetadata, repo: RepoId, recipe: Digest) -> HdrMetadataExtracted:
    return HdrMetadataExtracted(
        repo=repo,
        recipe=recipe,
        hdr=hdr.type or "",
        mastering_display=hdr.mastering_display,
        content_light=hdr.content_light,
        dynamic=hdr.dynamic,
        dolby_vision=hdr.dolby_vision,
    )


def _project(project: NleProject, repo: RepoId, recipe: Digest) -> NleProjectParsed | NleProjectStoredOpaque:
    version = project.version_told
    if project.is_opaque:
        reason = reason_of_opaque(project)
        return NleProjectStoredOpaque(
            repo=repo, recipe=recipe, nle=project.nle, version=version, reason=reason
        )
    told = project.first_references(REFERENCES_TOLD_BYTES_MAX)
    return NleProjectParsed(repo=repo, recipe=recipe, nle=project.nle, version=version, references=told)
