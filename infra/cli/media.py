"""`dits media`: what is in the films of a commit, whether it is sound, and what can be made of it (S4)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal, TypeVar, cast

import click

from domain.errors import NotFoundError
from gateway.client import Client, MediaFilter, MediaLine, ProblemError
from infra.cli import media_told
from infra.cli.durations import Duration
from infra.cli.output import Output, Plain
from infra.cli.remote import Remote, in_repo

F = TypeVar("F", bound=Callable[..., object])

HEAD = ("path", "kind", "codecs", "duration_ms", "frame_rate", "hdr", "mode", "warnings")
REPORT = ("path", "valid", "drift_ms", "offset_ms", "starts_ms", "gaps", "suggestion")
GAP = ("path", "track", "at_ms", "lasting_ms")
KINDS = ("video", "audio", "project", "other")
MODES = ("media", "raw", "project")
WARNINGS = (
    "corrupted-container",
    "container-warning",
    "unsupported-codec",
    "av-sync",
    "hdr-metadata-lost",
    "opaque-project",
    "any",
    "none",
)
HDR = ("hdr10", "hdr10+", "dolby-vision", "hlg", "any", "none")


@dataclass(frozen=True, slots=True)
class Place:
    """``PATH@REF``: a path, and the commit, branch or tag to find it in."""

    path: str
    ref: str | None

    def found(self, remote: Remote, client: Client) -> Found:
        """Where what follows the @ names nothing, the whole may be a path. Raises NotFoundError."""
        if self.ref is None:
            branch = remote.branch(client, None)
            return Found(self.path, None, client.commit_of(remote.repo, branch).commit)
        try:
            return Found(self.path, self.ref, client.commit_of(remote.repo, self.ref).commit)
        except ProblemError as problem:
            if problem.kind not in {"missing", "invalid"}:
                raise
            path, branch = f"{self.path}@{self.ref}", remote.branch(client, None)
            found = _found_whole(remote, client, path, branch)
            if found is None:
                thing = f"file '{path}' on {branch}, and no commit, branch or tag"
                raise NotFoundError(thing=thing, name=self.ref) from problem
            return found


@dataclass(frozen=True, slots=True)
class Found:
    """A place in a commit that is there; `ref` is what was said of it, if anything was."""

    path: str
    ref: str | None
    commit: str


def _found_whole(remote: Remote, client: Client, path: str, branch: str) -> Found | None:
    """A file of the branch's head, or a directory."""
    try:
        commit = client.commit_of(remote.repo, branch).commit
    except ProblemError as problem:
        if problem.kind != "missing":
            raise
        return None
    files = client.commits.files(remote.repo, commit, prefix=path)
    return Found(path, None, commit) if any(_is_below(each.path, path) for each in files) else None


class At(click.ParamType[Place]):
    """What follows the last @ names the commit."""

    name = "path"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Place:
        text = str(value)
        path, at, ref = text.rpartition("@")
        if at and not ref:
            self.fail(f"{text!r} names no commit, branch or tag after its @", param, ctx)
        return Place(path, ref) if at else Place(text, None)


EVERYTHING = Place("", None)
one_file = click.argument("place", metavar="PATH[@REF]", type=At())
some_files = click.argument("place", metavar="[PATH][@REF]", type=At(), required=False, default=None)


@click.group()
def command() -> None:
    """What is in the films of a commit, whether it is sound, and what can be made of it.

    PATH is a file's path in the repository. REF is a commit, branch or tag; without it, the branch of this
    checkout is meant, else main. A path that holds an @ is taken whole if what follows names no commit.
    """


# ------------------------------------------------------------------ looking
@command.command()
@one_file
@in_repo
@click.pass_obj
def show(output: Output, remote: Remote, *, place: Place) -> None:
    """Everything that is known of one file: tracks, codecs, colour, sync, damage, references.

    REF may be a commit that was refused because this file is damaged.
    """
    with remote.client() as client:
        found = place.found(remote, client)
        file = client.media.show(remote.repo, found.commit, found.path)
    output.result(cast("dict[str, Plain]", asdict(file)), "\n".join(media_told.lines(file)))


def filters(command: F) -> F:
    """The options that choose files; the command gets them as one `MediaFilter`."""
    options = (
        click.option("--max-duration", "longest_s", type=Duration(), help="At most so long: 90s, 30m, 8h."),
        click.option("--min-duration", "shortest_s", type=Duration(), help="At least so long."),
        click.option("--warning", type=click.Choice(WARNINGS), help="What is the matter with it."),
        click.option("--mode", type=click.Choice(MODES), help="How it is stored."),
        click.option("--kind", type=click.Choice(KINDS), help="What it is."),
        click.option("--hdr", type=click.Choice(HDR), help="Its dynamic range."),
        click.option("--codec", help="One of its codecs: hvc1, or in full hvc1.2.4.L153.B0."),
    )
    for option in options:
        command = option(command)
    return command


@command.command(name="list")
@some_files
@filters
@in_repo
@click.pass_obj
def list_(
    output: Output,
    /,
    remote: Remote,
    *,
    place: Place | None,
    shortest_s: int | None,
    longest_s: int | None,
    **asked: str | None,
) -> None:
    """The films, sounds and editing projects of a commit; of PATH and below, if it is named."""
    wanted = MediaFilter(
        codec=asked["codec"],
        hdr=asked["hdr"],
        kind=asked["kind"],
        mode=asked["mode"],
        warning=asked["warning"],
        duration_ms_min=None if shortest_s is None else shortest_s * 1000,
        duration_ms_max=None if longest_s is None else longest_s * 1000,
    )
    found = _files(remote, place or EVERYTHING, wanted)
    if output.as_json:
        output.result([cast("dict[str, Plain]", asdict(each)) for each in found], "")
    else:
        output.rows(HEAD, [_row(each) for each in found])


@command.command()
@some_files
@in_repo
@click.pass_obj
def report(output: Output, remote: Remote, *, place: Place | None) -> None:
    """Do picture and sound stay together? How far they drift apart, and what a resync needs.

    `drift_ms` is how much longer one is than the other (over 100 is too much), `offset_ms` how much later the
    sound begins than the pictures, `starts_ms` when each track begins, edit lists applied. The gaps follow:
    where a track of a film that is out of sync shows nothing new although it should, at most 100 of a film.
    """
    found = [each for each in _files(remote, place or EVERYTHING, MediaFilter()) if each.sync is not None]
    if output.as_json:
        output.result([_report_as_json(each) for each in found], "")
        return
    output.rows(REPORT, [_report(each) for each in found])
    gaps = [row for each in found for row in _gaps(each)]
    if gaps:
        output.rows(GAP, gaps)
    output.say(f"{sum(not each.sync.valid for each in found if each.sync)} of {len(found)} need a look")


def _files(remote: Remote, place: Place, wanted: MediaFilter) -> list[MediaLine]:
    """A path that names nothing at all is an error; one that names no media is not."""
    with remote.client() as client:
        at = place.found(remote, client)
        commit, path = at.commit, at.path.rstrip("/")
        asked = replace(wanted, prefix=path or None)
        found = [each for each in client.media.list(remote.repo, commit, asked) if _is_below(each.path, path)]
        if path and not found and not any(client.commits.files(remote.repo, commit, prefix=path + "/")):
            client.media.show(remote.repo, commit, path)
    return found


def _is_below(path: str, named: str) -> bool:
    return not named or path == named or path.startswith(named + "/")


def _row(line: MediaLine) -> list[Plain]:
    codecs, warnings = " ".join(line.codecs) or line.nle, " ".join(line.warnings) or None
    known: list[Plain] = [line.duration_ms, line.frame_rate, line.hdr, line.mode]
    return [line.path, line.kind, codecs, *known, warnings]


def _report(line: MediaLine) -> list[Plain]:
    sync = line.sync
    assert sync is not None
    tracks: list[Plain] = [media_told.offset_ms(sync), media_told.starts(sync)]
    return [line.path, sync.valid, sync.drift_ms, *tracks, sync.gaps, sync.suggestion]


def _report_as_json(line: MediaLine) -> dict[str, Plain]:
    sync = line.sync
    assert sync is not None
    told = cast("dict[str, Plain]", asdict(sync))
    return {"path": line.path, "offset_ms": media_told.offset_ms(sync), **told}


def _gaps(line: MediaLine) -> list[list[Plain]]:
    gaps = line.sync.first_gaps if line.sync is not None else ()
    return [[line.path, gap.track, gap.at_ms, gap.lasting_ms] for gap in gaps]


# ------------------------------------------------------------------ asking
@command.command()
@one_file
@click.option("-b", "--branch", metavar="NAME", help="Where to write it. Default: the file's own branch.")
@click.option("--target", metavar="PATH", help="Default: beside it, reel.salvaged.mov.")
@in_repo
@click.pass_obj
def salvage(output: Output, remote: Remote, *, place: Place, branch: str | None, target: str | None) -> None:
    """Ask for what can be played of a damaged file, as a file beside it; a worker writes and commits it.

    The original stays as it is. REF may be a commit that was refused because this file is damaged.
    """
    with remote.client() as client:
        at = place.found(remote, client)
        onto = branch or _branch(remote, client, at)
        asked = client.media.salvage(remote.repo, onto, at.path, commit=at.commit, target=target)
    output.result(cast("dict[str, Plain]", asdict(asked)), f"Salvage {media_told.salvage(asked)}")
    output.say(f"`dits media show {at.path}@{at.commit}` says what became of it")


def _branch(remote: Remote, client: Client, at: Found) -> str:
    """The one that was named, or that the commit was made for."""
    if at.ref is None:
        return remote.branch(client, None)
    named = at.ref in {each.name for each in client.branches.list(remote.repo)}
    return at.ref if named else client.commits.get(remote.repo, at.commit).branch


@command.command()
@one_file
@click.option("--out", metavar="FILE", required=True, type=click.Path(dir_okay=False), help="A JPEG.")
@click.option("--kind", type=click.Choice(("poster", "sheet")), default="poster", show_default=True)
@in_repo
@click.pass_obj
def picture(
    output: Output, remote: Remote, *, place: Place, out: str, kind: Literal["poster", "sheet"]
) -> None:
    """Write a film's poster frame, or its contact sheet, to a file."""
    with remote.client() as client:
        at = place.found(remote, client)
        drawn = client.media.picture(remote.repo, at.commit, at.path, kind=kind)
    try:
        Path(out).write_bytes(drawn)
    except OSError as error:
        raise click.FileError(out, error.strerror or "it cannot be written") from error
    output.result({"file": out, "size_bytes": len(drawn)}, f"Wrote {out}")
