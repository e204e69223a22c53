"""Progress for people: a bar on the terminal once a transfer takes longer than a moment."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager

from gateway.client.progress import Progress, Report, say_nothing
from infra.cli.output import Output

SHOWN_AFTER_S = 1.0


@contextmanager
def bar(output: Output, verb: str) -> Generator[Report]:
    """What to hand to whoever moves bytes; silent for machines and where nobody watches."""
    if output.as_json or not sys.stderr.isatty():
        yield say_nothing
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(binary_units=True),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        TextColumn("[dim]{task.fields[note]}"),
    )
    bars = Bars(*columns, console=Console(stderr=True), transient=True)
    task = bars.add_task(verb, total=None, note="")
    shown = False

    def report(now: Progress) -> None:
        nonlocal shown
        done = max(now.bytes_read, now.bytes_received + now.bytes_known)
        bars.update(task, total=now.bytes_total or None, completed=done, note=_note(now))
        if not shown and (bars.tasks[0].elapsed or 0) > SHOWN_AFTER_S:
            bars.start()
            shown = True

    try:
        yield report
    finally:
        bars.stop()


def _note(now: Progress) -> str:
    parts = [f"{now.files}/{now.files_total} files"] if now.files_total else []
    if now.bytes_sent:
        parts.append(f"{in_words(now.bytes_sent)} sent")
    if now.bytes_known:
        parts.append(f"{in_words(now.bytes_known)} known")
    return ", ".join(parts)


def in_words(size_bytes: int) -> str:
    """1536 -> "1.5 KiB"."""
    size, unit = float(size_bytes), 0
    units = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
    while size >= 1024 and unit < len(units) - 1:
        size, unit = size / 1024, unit + 1
    return f"{size:.0f} {units[unit]}" if unit == 0 else f"{size:.1f} {units[unit]}"
