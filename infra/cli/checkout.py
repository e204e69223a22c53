"""`dits checkout`: bring the files of a commit onto this disk."""

from __future__ import annotations

import click

from gateway.client import CheckedOut, CheckoutOptions
from infra.cli.bars import bar, in_words
from infra.cli.output import Output, Plain
from infra.cli.remote import DEFAULT_BRANCH, Remote, in_repo

HDR_LOST = "hdr-metadata-lost"


@click.command()
@click.argument("ref", required=False)
@click.argument("directory", required=False, type=click.Path(file_okay=False))
@click.option("--overwrite", is_flag=True, help="Replace files that no checkout wrote, and check every byte.")
@in_repo
@click.pass_obj
def command(
    output: Output, remote: Remote, *, ref: str | None, directory: str | None, overwrite: bool
) -> None:
    """Check out REF (a branch, tag or commit; default: main) into DIRECTORY.

    The directory is this checkout, else one named after the repository. Every chunk is checked before it is
    written, and files have their names only once they are whole. Work that no checkout wrote is not
    overwritten unasked. Interrupted? Run the same again: it goes on where it was.
    """
    here = remote.here
    repo = remote.repo
    if here is not None and here[1].repo == repo:
        default, source = str(here[0]), ref or here[1].ref
    else:
        default, source = repo, ref or DEFAULT_BRANCH
    options = CheckoutOptions(overwrite=overwrite)
    with remote.client() as client, bar(output, "Checking out") as report:
        out = client.checkout(repo, source, directory or default, options=options, progress=report)
    result: dict[str, Plain] = {
        "commit": out.commit.commit,
        "directory": str(out.directory),
        "written": list(out.written),
        "removed": list(out.removed),
        "unchanged": out.unchanged,
        "bytes_received": out.progress.bytes_received,
        "warnings": [
            {"path": path, "code": HDR_LOST, "warning": f"Lost: {', '.join(lost)}"}
            for path, lost in out.hdr_lost.items()
        ],
    }
    for path, lost in out.hdr_lost.items():
        output.say(f"{path}: {HDR_LOST}: it no longer says its {', '.join(lost)}; its bytes are as committed")
    output.result(result, _for_people(out))


def _for_people(out: CheckedOut) -> str:
    counts = f"{len(out.written)} written, {len(out.removed)} removed, {out.unchanged} unchanged"
    received = in_words(out.progress.bytes_received)
    return f"Checked out {out.commit.commit} into {out.directory}: {counts} ({received} received)"
