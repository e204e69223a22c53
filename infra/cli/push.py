"""`dits push`: commit local files, sending only what the server does not have."""

from __future__ import annotations

import click

from gateway.client import Pushed, PushOptions
from infra.cli.bars import bar, in_words
from infra.cli.output import Output, Plain
from infra.cli.remote import Remote, in_repo


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True))
@click.option("-b", "--branch", metavar="NAME", help="Default: that of this checkout, else main.")
@click.option("-m", "--message", required=True, help="What was done and why.")
@click.option("--root", type=click.Path(exists=True, file_okay=False), help="Paths are kept from here on.")
@click.option("--mirror", is_flag=True, help="Remove from the commit what is gone from the directories.")
@click.option("--whole-file", is_flag=True, help="Send files as they are; the server cuts them.")
@click.option(
    "--raw", multiple=True, metavar="PATTERN", help="Paths to keep as they are, also damaged media."
)
@click.option("--fixed-head", is_flag=True, help="Fail rather than follow a branch that moves meanwhile.")
@in_repo
@click.pass_obj
def command(
    output: Output,
    /,
    remote: Remote,
    *,
    paths: tuple[str, ...],
    branch: str | None,
    message: str,
    root: str | None,
    raw: tuple[str, ...],
    **flags: bool,
) -> None:
    """Commit files and directories.

    A path below the root (default: this checkout, else the current directory) keeps its path from there; any
    other lands under its own name. Interrupted? Run the same again: it goes on where it was.
    """
    here = remote.here
    options = PushOptions(
        root=root or (here[0] if here else "."),
        mirror=flags["mirror"],
        whole_file=flags["whole_file"],
        fixed_head=flags["fixed_head"],
        raw=raw,
    )
    with remote.client() as client, bar(output, "Pushing") as report:
        target = remote.branch(client, branch)
        pushed = client.push(remote.repo, target, *paths, message=message, options=options, progress=report)
    for skipped in pushed.skipped:
        output.say(f"left out: {skipped.path} ({skipped.reason})")
    for warned in pushed.commit.warnings if pushed.commit else ():
        output.say(f"note: {warned.path}: {warned.warning} ({warned.code})")
    output.result(_as_json(pushed), _for_people(pushed, target))


def _for_people(pushed: Pushed, branch: str) -> str:
    now = pushed.progress
    sizes = f"{in_words(now.bytes_sent)} sent, {in_words(now.bytes_known)} known to the server"
    if pushed.commit is None:
        return f"Nothing to commit: {pushed.unchanged} files are as on {branch} ({sizes})"
    counts = f"{len(pushed.changed)} changed, {len(pushed.removed)} removed, {pushed.unchanged} unchanged"
    return f"Committed {pushed.commit.commit} to {branch}: {counts} ({sizes})"


def _as_json(pushed: Pushed) -> dict[str, Plain]:
    now = pushed.progress
    return {
        "commit": pushed.commit.commit if pushed.commit else None,
        "changed": list(pushed.changed),
        "removed": list(pushed.removed),
        "unchanged": pushed.unchanged,
        "skipped": [{"path": each.path, "reason": each.reason} for each in pushed.skipped],
        "warnings": [
            {"path": each.path, "code": each.code, "warning": each.warning}
            for each in (pushed.commit.warnings if pushed.commit else ())
        ],
        "bytes_read": now.bytes_read,
        "bytes_sent": now.bytes_sent,
        "bytes_known": now.bytes_known,
        "resumed": pushed.resumed,
    }
