"""What is known of a file's content, as lines for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import cast

from gateway.client.assets import Hdr, MediaFile, Salvage, Sync
from infra.cli.bars import in_words

REFERENCES_SHOWN_MAX = 20
"""Of a project; `--json` has them all."""
Facts = Mapping[str, object]


def lines(file: MediaFile) -> Iterator[str]:
    """The path, then one fact a line, each kind of fact under its name."""
    yield file.path
    for name, text in _told(file):
        yield f"  {name:<10} {text}"


def _told(file: MediaFile) -> Iterator[tuple[str, str]]:
    yield "content", f"{file.recipe} ({in_words(file.size_bytes)})"
    if file.mode is None and any(issue.severity == "error" for issue in file.issues):
        yield "stored", "in no commit: it is a damaged container"
    elif file.mode is None and file.facts is None:
        yield "stored", "as it is; neither media nor an editing project was found in it"
    else:
        yield "stored", f"as {file.mode or 'media'}"
    if file.facts is not None:
        yield from _facts(file.facts)
    if file.hdr is not None:
        yield "hdr", _hdr(file.hdr)
    if file.sync is not None:
        yield "sync", in_sync(file.sync)
    yield from (("codec", f"{each} (stored raw)") for each in file.unsupported)
    for issue in file.issues:
        is_error = issue.severity == "error"
        yield ("damage", f"error: {issue.message}") if is_error else ("warning", issue.message)
    yield from _findings(file)


def _findings(file: MediaFile) -> Iterator[tuple[str, str]]:
    project = file.project
    if project is not None:
        why = f": {project.reason}" if project.reason else ""
        yield "project", f"{project.nle} {project.version}, stored {project.stored_as}{why}"
        yield from (("refers to", each) for each in project.references[:REFERENCES_SHOWN_MAX])
        left = len(project.references) - REFERENCES_SHOWN_MAX
        if left > 0:
            yield "", f"and {left} more"
    for origin in file.derived:
        fate = "lost" if origin.is_lost else "put back"
        yield "derived", f"from {origin.original}: {', '.join(origin.kinds)} {fate}"
    if file.salvage is not None:
        yield "salvage", salvage(file.salvage)
    for picture in file.pictures:
        size = in_words(picture.size_bytes)
        yield "picture", f"{picture.kind}, {picture.width}x{picture.height}, {size}"


def _facts(facts: Facts) -> Iterator[tuple[str, str]]:
    fragmented = ", fragmented" if facts.get("fragmented") else ""
    yield "container", f"{facts.get('container')}, {_clock(facts.get('duration_ms'))}{fragmented}"
    tracks = cast("list[Facts]", facts.get("tracks") or [])
    for track in tracks:
        yield f"track {track.get('track')}", _track(track)
    left = cast("int", facts.get("track_count") or 0) - len(tracks)
    if left > 0:
        yield "", f"and {left} tracks more"


def _track(track: Facts) -> str:
    rate = f"{track.get('frame_rate')} a second" if "frame_rate" in track else None
    parts = (
        track.get("kind"),
        track.get("codec"),
        f"{track['width']}x{track.get('height')}" if "width" in track else None,
        f"turned by {track['rotation']} degrees" if "rotation" in track else None,
        f"pixels {track['pixel_aspect']}" if "pixel_aspect" in track else None,
        f"{rate} on average" if track.get("variable_frame_rate") else rate,
        f"{track['channels']} channels" if "channels" in track else None,
        f"{track['sample_rate']} Hz" if "sample_rate" in track else None,
        None if track.get("language") == "und" else track.get("language"),
        track.get("timecode"),
        f"from {_clock(track.get('start_ms'))} to {_clock(track.get('duration_ms'))}",
    )
    return ", ".join(str(part) for part in parts if part)


def _hdr(hdr: Hdr) -> str:
    there = (
        ("mastering display", hdr.mastering_display),
        ("content light level", hdr.content_light_level),
        ("dynamic metadata", hdr.dynamic_metadata),
        ("Dolby Vision configuration", hdr.dolby_vision),
    )
    kept = ", ".join(name for name, is_there in there if is_there)
    return f"{hdr.type}: {kept}" if kept else hdr.type


def in_sync(sync: Sync) -> str:
    if sync.valid:
        return f"good ({sync.drift_ms} ms apart)"
    return f"{sync.drift_ms} ms apart, {sync.gaps} gaps: {sync.suggestion}"


def salvage(told: Salvage) -> str:
    match told.state:
        case "asked":
            return f"asked for: {told.target} on {told.branch}"
        case "salvaged":
            return f"done: {told.target} in {told.commit}"
        case _:
            return f"failed: {told.reason} [{told.code}]"


def starts(sync: Sync) -> str:
    """When each track begins."""
    return ", ".join(f"{each.kind} {each.track}: {each.start_ms}" for each in sync.tracks)


def offset_ms(sync: Sync) -> int | None:
    """How much later than the pictures the sound begins; None if one of them is missing."""
    first: dict[str, int] = {}
    for each in sync.tracks:
        first.setdefault(each.kind, each.start_ms)
    return first["audio"] - first["video"] if first.keys() >= {"audio", "video"} else None


def _clock(duration_ms: object) -> str:
    """``0:01:02.345``"""
    text = str(timedelta(milliseconds=cast("int", duration_ms or 0)))
    return text[:-3] if "." in text else text
