"""`dits projections`: how the read models stand, and what an operator does about them, on this machine.

Promises: a rebuild is made beside the live read model, shows its speed, and leaves nothing if it is
cancelled; skip and retry are facts in the log, each with its reason, that every rebuild obeys (I5, S3.5).
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager

import click

from domain.errors import NotYetConsistentError, RebuildCancelledError
from infra.cli.operating import operator_context, servers
from infra.cli.output import Output, Plain
from infra.compose import Ground, rebuilder
from projections import ALL, operating
from projections.projection import Projection
from workers.rebuild import Progress, Rebuilt

Tell = Callable[[Progress], None]
Row = tuple[Plain, ...]


@click.group()
def command() -> None:
    """How the read models stand; rebuild, drop, and deal with events that do not fit.

    These commands speak to the log and the database themselves, so they run where `dits up` runs, or with
    the settings of a server (DITS_NATS_URL, DITS_POSTGRES_DSN, ...).
    """


@command.command(name="list")
@click.pass_obj
def list_(output: Output) -> None:
    """Every read model: version, build, how far it is, what is parked."""
    with servers(os.environ) as on:
        found = operating.standings(on.pool, ALL, on.log.events.end())
    rows: list[Row] = [
        (
            one.name,
            one.version,
            one.schema,
            one.position.sequence if one.position is not None else None,
            one.lag_messages,
            one.parked,
        )
        for one in found
    ]
    output.rows(("name", "version", "build", "sequence", "lag_messages", "parked"), rows)


@command.command()
@click.pass_obj
def lag(output: Output) -> None:
    """How many messages of the log each read model is behind."""
    with servers(os.environ) as on:
        found = operating.standings(on.pool, ALL, on.log.events.end())
    output.rows(
        ("name", "lag_messages", "is_current"),
        [(one.name, one.lag_messages, one.is_current) for one in found],
    )


@command.command()
@click.argument("name", required=False)
@click.pass_obj
def digest(output: Output, *, name: str | None) -> None:
    """A digest over every row of NAME, or of each read model.

    Two of the same log and position are equal, whenever and however they were built.
    """
    with servers(os.environ) as on:
        rows = (
            [_digest_row(on, one) for one in ALL]
            if name is None
            else [_digest(on, operating.by_name(ALL, name))]
        )
    output.rows(("name", "rows", "sequence", "digest"), rows)


def _digest(on: Ground, projection: Projection) -> Row:
    found = operating.digest(on.pool, projection)
    sequence = found.position.sequence if found.position is not None else None
    return found.projection, found.rows, sequence, found.whole


def _digest_row(on: Ground, projection: Projection) -> Row:
    """Among others, one that nothing answers for is a line and no error."""
    try:
        return _digest(on, projection)
    except NotYetConsistentError:
        return projection.name, None, None, None


# ------------------------------------------------------------------ rebuild and drop
@command.command()
@click.argument("name", required=False)
@click.option("--all", "every", is_flag=True, help="Every read model, one after the other.")
@click.pass_obj
def rebuild(output: Output, *, name: str | None, every: bool) -> None:
    """Make NAME anew from the log, beside the live one, and switch when it has caught up.

    Ctrl-C cancels it; the live one goes on as before. The archive is no read model and is not touched.
    """
    if every is (name is not None):
        raise click.UsageError("name one read model, or say --all")
    with servers(os.environ) as on, interruptible() as asked:
        wanted = ALL if name is None else (operating.by_name(ALL, name),)
        made = [rebuilt(on, output, one, asked) for one in wanted]
    rows: list[Row] = [
        (one.projection, one.schema, one.rows, one.events, one.elapsed_ms, one.events_per_s) for one in made
    ]
    output.rows(("name", "build", "rows", "events", "elapsed_ms", "events_per_s"), rows)


def rebuilt(on: Ground, output: Output, projection: Projection, asked: threading.Event) -> Rebuilt:
    end = on.log.events.end()
    try:
        with _bar(output, projection.name, end.sequence if end is not None else 0) as tell:
            return rebuilder(on).rebuild(projection, tell=tell, cancelled=asked.is_set)
    except RebuildCancelledError as cancelled:
        output.say(cancelled.message)
        raise click.Abort from cancelled


@contextmanager
def interruptible() -> Generator[threading.Event]:
    """Set by the first Ctrl-C or SIGTERM; a second one does not wait for the rebuild to notice."""
    asked = threading.Event()

    def ask(*_: object) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _bar(output: Output, name: str, sequence_max: int) -> Generator[Tell]:
    """Messages of the log that were read, and events a second; nothing for machines."""
    if output.as_json or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.description:<14}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("[dim]{task.fields[note]}"),
    )
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task(name, total=sequence_max, note="")

        def tell(now: Progress) -> None:
            note = f"{now.phase}, {now.events} events, {now.events_per_s}/s"
            bars.update(task, completed=now.sequence, total=max(sequence_max, now.sequence), note=note)

        yield tell


@command.command()
@click.argument("name")
@click.pass_obj
def drop(output: Output, *, name: str) -> None:
    """Drop the rows of NAME. Reads of it answer 503 until `rebuild NAME`, which loses nothing."""
    with servers(os.environ) as on:
        projection = operating.by_name(ALL, name)
        operating.drop(on.pool, projection)
    output.result({"dropped": projection.name}, f"Dropped {projection.name}")
    output.say(f"next: dits projections rebuild {projection.name}")


# ------------------------------------------------------------------ events that do not fit
@command.command()
@click.pass_obj
def parked(output: Output) -> None:
    """Events that a read model could not take, and what waits behind them."""
    with servers(os.environ) as on:
        found = operating.parked_events(on.pool)
    head = ("projection", "aggregate", "version", "sequence", "index", "topic", "code", "reason")
    rows: list[Row] = [
        (
            one.projection,
            one.aggregate,
            one.version,
            one.sequence,
            one.index,
            one.topic,
            one.code,
            one.reason,
        )
        for one in found
    ]
    output.rows(head, rows)


@command.command()
@click.argument("name")
@click.argument("aggregate")
@click.option("--reason", required=True, help="Why; kept in the log.")
@click.pass_obj
def retry(output: Output, *, name: str, aggregate: str, reason: str) -> None:
    """Let NAME take the parked events of AGGREGATE again, in order: after its cause was mended."""
    with servers(os.environ) as on:
        ask = operating.retry(on.pool, operating.by_name(ALL, name), aggregate, reason)
        on.log.events.ask(ask, context=operator_context(on))
    output.result({"retried": aggregate, "projection": name}, f"{name} tries {aggregate} again")


@command.command()
@click.argument("name")
@click.argument("sequence", type=int)
@click.argument("index", type=int)
@click.option("--reason", required=True, help="Why; kept in the log.")
@click.pass_obj
def skip(output: Output, *, name: str, sequence: int, index: int, reason: str) -> None:
    """Let NAME pass over the parked event INDEX of message SEQUENCE, now and in every rebuild."""
    with servers(os.environ) as on:
        ask = operating.skip(on.pool, operating.by_name(ALL, name), sequence, index, reason)
        on.log.events.ask(ask, context=operator_context(on))
    result: dict[str, Plain] = {"skipped": [sequence, index], "projection": name}
    output.result(result, f"{name} passes over event {sequence}.{index}")
