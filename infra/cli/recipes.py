"""`dits recipes`: how the files of a repository are put together, and an operator's command to do it better.

Promises: trees and commits never change; `--dry-run` stores and tells nothing; Ctrl-C ends between two files
or gives up the one at hand, and the next run goes on with what is left.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import click

from domain import repository
from domain.errors import NotFoundError
from domain.ids import Digest, RepoId, parse_name, repo_id
from gateway.client.progress import Progress
from infra.cli.bars import bar, in_words
from infra.cli.operating import operator_context, servers
from infra.cli.output import Output, Plain
from infra.cli.projections import interruptible
from infra.compose import Ground
from projections.refcounts.queries import live_recipes
from workers.rechunk_saving import Saving, saving
from workers.rechunking import Converted, Left, Pace, Rechunker

RATE_MIB_S = 64
"""Of reading, by default: what a laptop's disk gives without anybody noticing."""
MIB = 1 << 20


@click.group()
def command() -> None:
    """How files are put together from chunks.

    These commands speak to the log, the database and the object store themselves, so they run where
    `dits up` runs, or with the settings of a server (DITS_NATS_URL, DITS_POSTGRES_DSN, ...).
    """


@command.command()
@click.argument("repo", metavar="REPO")
@click.option("--dry-run", is_flag=True, help="Say what it would save, and change nothing.")
@click.option(
    "--rate",
    "rate_mib_s",
    type=click.IntRange(1, 100_000),
    default=RATE_MIB_S,
    show_default=True,
    help="How much to read at most, in MiB a second.",
)
@click.pass_obj
def rechunk(output: Output, *, repo: str, dry_run: bool, rate_mib_s: int) -> None:
    """Cut the films of REPO by their tracks and its packed projects unpacked, where they were cut blindly.

    Files, commits and their names stay as they are, and a checkout brings the same bytes. The old chunks go
    when the collector comes. Run it again to go on after Ctrl-C; what is done is not done twice.
    """
    with servers(os.environ) as on, interruptible() as asked, bar(output, "Reading") as report:
        found = _repo(on, repo)
        pace = Pace(on.clock, rate_mib_s * MIB, lambda read_bytes: report(Progress(bytes_read=read_bytes)))
        context, events = operator_context(on), on.log.events
        rechunker = Rechunker(events, on.store, on.ids, pace, found, context, asked.is_set)
        if dry_run:
            _tell(output, saving(rechunker, live_recipes(on.pool, found)))
        else:
            _convert(output, rechunker, live_recipes(on.pool, found))
        if asked.is_set():
            raise click.Abort


def _repo(on: Ground, name: str) -> RepoId:
    found = repo_id(parse_name(name))
    if not on.log.events.load(repository.DECIDER, found).state.exists:
        raise NotFoundError(thing="repository", name=name)
    return found


def _convert(output: Output, rechunker: Rechunker, recipes: Iterator[Digest]) -> None:
    files, size_bytes, left = 0, 0, 0
    for each in rechunker.convert(recipes):
        match each:
            case Converted():
                files, size_bytes = files + 1, size_bytes + each.size_bytes
                told = f"{each.old.hex()[:16]} -> {each.new.hex()[:16]}, {in_words(each.size_bytes)}"
            case Left():
                left += 1
                told = f"{each.old.hex()[:16]} stays as it is: {each.code}"
        output.say(told)
    result: dict[str, Plain] = {"superseded": files, "size_bytes": size_bytes, "left": left}
    told = f"{files} files of {in_words(size_bytes)} are cut by what they are now"
    output.result(result, told + (f"; {left} could not be read whole" if left else ""))


def _tell(output: Output, found: Saving) -> None:
    freed, added = found.freed_bytes, found.added_bytes
    result: dict[str, Plain] = {
        "recipes": found.recipes,
        "size_bytes": found.size_bytes,
        "added_bytes": added,
        "freed_bytes": freed,
        "saved_bytes": freed - added,
    }
    output.result(
        result,
        f"{found.recipes} files of {in_words(found.size_bytes)}: {in_words(added)} of new chunks, "
        f"{in_words(freed)} of old ones for the collector, {_saved(freed - added)}",
    )


def _saved(size_bytes: int) -> str:
    return f"{in_words(size_bytes)} saved" if size_bytes >= 0 else f"{in_words(-size_bytes)} more than before"
