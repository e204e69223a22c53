"""`dits versions check | apply | export`: the file of API versions, from an editor to the server and back.

Promises: `check` asks no server; a wrong file is named with line and column, whoever found it wrong (V5.1).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import click

from domain.errors import RegistryDriftError, RegistryFileError
from gateway import client as sdk
from gateway.versions.file import BUILT_IN, parsed
from infra.cli.decisions import confirm, decides, said, yes_option
from infra.cli.exits import OK, REFUSED
from infra.cli.file_check import PLACE, Verdict, judged
from infra.cli.output import Output, Plain
from infra.cli.remote import Remote, asks_server
from infra.clock import SystemClock
from infra.settings import load_settings
from infra.versions_file import WatchedFile

STDIN = "-"
FILE_CODE = RegistryFileError.code


@click.command()
@click.argument("file", required=False)
@click.option("--strict", is_flag=True, help="Warnings fail, too.")
@click.pass_obj
def check(output: Output, *, file: str | None, strict: bool) -> int:
    """Judge a file of API versions without any server: exit code 1 if a gateway would refuse it.

    Without FILE, the one that DITS_VERSIONS_FILE names, or what is built in. `-` is standard input.
    """
    name, text = _configured() if file is None else (_name(file), _text(file))
    verdict = judged(text, name, SystemClock().now())
    for warning in verdict.warnings:
        click.echo(f"dits: warning: {name}: {warning}", err=True)
    output.result(_as_json(name, verdict), _as_line(name, verdict))
    return REFUSED if strict and verdict.warnings else OK


def _as_json(name: str, verdict: Verdict) -> dict[str, Plain]:
    return {
        "file": name,
        "sha256": verdict.sha256,
        "versions": list(verdict.versions),
        "default_version": verdict.default_version or None,
        "next_turn_at": verdict.next_turn_at,
        "warnings": list(verdict.warnings),
    }


def _as_line(name: str, verdict: Verdict) -> str:
    default = verdict.default_version or "none"
    turn = f"; the next turn is at {verdict.next_turn_at}" if verdict.next_turn_at else ""
    return f"{name} can be served: {', '.join(verdict.versions)}; default {default}{turn}"


@click.command()
@click.argument("file")
@click.option("--adopt", is_flag=True, help="What the file says holds, whatever was decided since.")
@yes_option
@decides
@click.pass_obj
def apply(output: Output, remote: Remote, *, file: str, adopt: bool, yes: bool, dry_run: bool) -> None:
    """Take over what FILE changed since the file before it; `-` is standard input.

    Refused as drift if it contradicts what was decided since, unless --adopt. What takes a version away or
    ends it is asked about first.
    """
    text, source = _text(file), Path(_name(file)).name
    with remote.client() as client, _placed(file):
        ahead = client.versions.apply(text, source=source, adopt=adopt, dry_run=True)
        if dry_run:
            said(output, ahead)
            return
        if ahead.ends_for_good:
            confirm(output, f"This ends {', '.join(ahead.ends_for_good)} for good.", yes=yes)
        decided = client.versions.apply(text, source=source, adopt=adopt)
        if not decided.events:
            _refuse_yesterdays(text, client.versions.list().file_sha256)
        said(output, decided, nothing="This file is applied, and what was decided since stands")


def _refuse_yesterdays(text: str, applied_last: str) -> None:
    """What was applied before is not applied again by itself. Raises RegistryDriftError."""
    if parsed(text).sha256 != applied_last:
        raise RegistryDriftError(drift="this content was applied before, and another one since")


@click.command()
@click.argument("file", required=False)
@asks_server
@click.pass_obj
def export(output: Output, remote: Remote, *, file: str | None) -> None:
    """The file that says what stands, to standard output or into FILE: edit it, check it, apply it."""
    with remote.client() as client:
        text = client.versions.export()
    if file is None:
        output.result({"text": text}, text.rstrip("\n"))
        return
    _write(Path(file), text)
    output.result({"file": file}, f"Wrote {file}")


def _write(path: Path, text: str) -> None:
    """Whole or not at all: a gateway may be following that file."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        fresh.write_text(text)
        fresh.replace(path)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise click.FileError(str(path), error.strerror or "it cannot be written") from error


def _configured() -> tuple[str, str]:
    """Raises SettingsError, RegistryFileError."""
    named = load_settings(os.environ).versions_file
    return ("built-in", BUILT_IN) if named is None else (str(named), _text(str(named)))


def _name(file: str) -> str:
    return "stdin" if file == STDIN else file


def _text(file: str) -> str:
    """Raises RegistryFileError."""
    try:
        return sys.stdin.read() if file == STDIN else WatchedFile(Path(file)).text()
    except UnicodeDecodeError as error:
        raise RegistryFileError(problem=f"{_name(file)}: it is no UTF-8 text") from error
    except RegistryFileError as error:
        raise RegistryFileError(problem=f"{file}: {error.facts['problem']}") from error


@contextmanager
def _placed(file: str) -> Generator[None]:
    """What the server found wrong with the file, with the place where it is. Raises RegistryFileError."""
    try:
        yield
    except sdk.ProblemError as error:
        if error.code != FILE_CODE:
            raise
        place = [_name(file), *(str(error.details[each]) for each in PLACE if each in error.details)]
        problem = error.details.get("problem", error.message)
        raise RegistryFileError(problem=f"{':'.join(place)}: {problem}") from error
