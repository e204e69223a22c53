"""`dits versions`: the versions of the API, looked at and decided about.

Promises: every decision can be tried with ``--dry-run``; what ends for good is asked about first; `check`
needs no server (V2.1d, V2.3d, V2.5e, V3.4, V5.3, V6.2e).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import asdict
from typing import TypeVar, cast

import click

from domain.api_registry.registry import moment_of
from gateway.client.registry import PublicVersion, Version
from gateway.client.versions import Terms
from infra.cli.decisions import confirm, decides, said, yes_option
from infra.cli.durations import Moment
from infra.cli.facts import in_words
from infra.cli.output import Output, Plain
from infra.cli.remote import Remote, asks_server
from infra.cli.versions_file import apply, check, export
from infra.clock import SystemClock

F = TypeVar("F", bound=Callable[..., object])

STATUSES = ("prerelease", "current", "deprecated", "sunset")
PUBLIC_HEAD = ("version", "status", "released_at", "deprecated_at", "sunset_at", "successor", "served_by")
DECLARED = ("status", "released_at", "deprecated_at", "sunset_at", "successor")
HEAD = ("version", "status", "released_at", "deprecated_at", "sunset_at", "successor", "note")
NAMED_MAX = 5
"""Consumers that are named before a version is ended; the others are counted."""

version_argument = click.argument("version_id", metavar="VERSION")
successor_option = click.option("--successor", metavar="VERSION", help="What follows it.")
sunset_option = click.option(
    "--sunset-at", type=Moment(), help="When it ends; 2027-06-01T00:00:00Z or +180d."
)
guide_option = click.option("--guide", metavar="URL", help="How to move on to its successor.")
reason_option = click.option("--reason", required=True, help="Why; kept in the log.")


@click.group()
def command() -> None:
    """The versions of the API: what they are, and what becomes of them (scope admin:versions).

    `--public` shows what everybody sees and needs no key. docs/versioning.md is the guide.
    """


for each in (check, apply, export):
    command.add_command(each)


# ------------------------------------------------------------------ looking
@command.command(name="list")
@click.option("--public", is_flag=True, help="As everybody sees them; with a key, prereleases too.")
@asks_server
@click.pass_obj
def list_(output: Output, remote: Remote, *, public: bool) -> None:
    """Every version; hidden ones too, unless --public."""
    if public:
        _list_public(output, remote)
        return
    with remote.client() as client:
        registry = client.versions.list()
    if output.as_json:
        output.result(cast("dict[str, Plain]", asdict(registry)), "")
        return
    output.rows(HEAD, [_row(one, registry.default_version) for one in registry.versions])
    turn = registry.next_turn_at or "nothing announced"
    output.say(f"revision {registry.revision}; next turn: {turn}")


def _list_public(output: Output, remote: Remote) -> None:
    with remote.client() as client:
        found = client.discovery.list(include_prerelease=True, include_sunset=True)
    if output.as_json:
        output.result(cast("dict[str, Plain]", asdict(found)), "")
        return
    output.rows(PUBLIC_HEAD, [_public_row(one) for one in found.versions])
    output.say(f"who names none is served by {found.default_version or 'none'}")


def _public_row(one: PublicVersion) -> list[Plain]:
    dates: list[Plain] = [one.released_at, one.deprecated_at, one.sunset_at]
    return [one.version_id, one.status, *dates, one.successor, one.served_by]


def _row(one: Version, default: str) -> list[Plain]:
    dates: list[Plain] = [one.released_at, one.deprecated_at, one.sunset_at]
    status = "rolled back" if one.is_rolled_back else one.status
    return [one.version_id, status, *dates, one.successor, _note(one, default)]


def _note(one: Version, default: str) -> str | None:
    now = SystemClock().now()
    ahead = [window for window in one.brownouts if moment_of(window.ends_at) > now]
    notes = (
        (one.version_id == default, "default"),
        (not one.is_released, "not released"),
        (one.answered_by != one.version_id, f"{one.answered_by} answers"),
        (one.opt_in_required and one.status == "prerelease", "opt-in"),
        *((True, f"off from {window.starts_at} to {window.ends_at}") for window in ahead),
    )
    return ", ".join(note for holds, note in notes if holds) or None


@command.command()
@version_argument
@click.option("--public", is_flag=True, help="As everybody sees it.")
@asks_server
@click.pass_obj
def show(output: Output, remote: Remote, *, version_id: str, public: bool) -> None:
    """Everything about one version."""
    with remote.client() as client:
        found = client.discovery.show(version_id) if public else client.versions.show(version_id)
    facts = cast("dict[str, Plain]", asdict(found))
    told = {name: value for name, value in facts.items() if value not in {None, "", ()}}
    width = max(map(len, told))
    output.result(facts, "\n".join(f"{name:<{width}}  {value}" for name, value in told.items()))


@command.command()
@asks_server
@click.pass_obj
def status(output: Output, remote: Remote) -> None:
    """Was the file of versions taken, and why not? Needs no key."""
    with remote.client() as client:
        found = client.discovery.file()
    facts = cast("dict[str, Plain]", asdict(found))
    told = {name: value for name, value in facts.items() if value is not None}
    width = max(map(len, told))
    output.result(facts, "\n".join(f"{name:<{width}}  {value}" for name, value in told.items()))


@command.command()
@version_argument
@asks_server
@click.pass_obj
def consumers(output: Output, remote: Remote, *, version_id: str) -> None:
    """Who used a version lately, or has keys pinned to it: whom to tell before it ends."""
    with remote.client() as client:
        found = client.versions.consumers(version_id)
    rows = [(one.name, one.consumer, one.last_used_on, list(one.pinned_keys)) for one in found]
    output.rows(("name", "consumer", "last_used_on", "pinned_keys"), rows)


@command.command()
@click.argument("version_id", metavar="[VERSION]", required=False)
@click.option("-n", "--limit", type=click.IntRange(1, 1000), default=200, show_default=True)
@asks_server
@click.pass_obj
def history(output: Output, remote: Remote, *, version_id: str | None, limit: int) -> None:
    """Every event of the versions, or of one of them, oldest first, with who decided it."""
    with remote.client() as client:
        found = client.versions.history(version_id, limit=limit)
    if output.as_json:
        output.result([cast("dict[str, Plain]", asdict(line)) for line in found], "")
        return
    for line in found:
        click.echo(f"{line.recorded_at}  {line.actor}  {line.topic}  {in_words(line.event)}")


@command.command()
@asks_server
@click.pass_obj
def changelog(output: Output, remote: Remote) -> None:
    """What became of the versions, and what each changed; needs no key."""
    with remote.client() as client:
        found = client.discovery.changelog()
    changes = cast("list[dict[str, Plain]]", [dict(change) for change in found])
    output.result(cast("Plain", changes), "\n".join(in_words(change) for change in changes))


# ------------------------------------------------------------------ deciding
def declares(command: F) -> F:
    """The options that say what a version is; the command gets `terms`."""

    @click.option("--status", type=click.Choice(STATUSES), default="prerelease", show_default=True)
    @click.option("--released-at", type=Moment(), help="From when on it exists. Default: now.")
    @click.option("--deprecated-at", type=Moment(), help="When its deprecation begins.")
    @sunset_option
    @successor_option
    @guide_option
    @click.option("--open", "is_open", is_flag=True, help="Of a prerelease: no opt-in header is needed.")
    @functools.wraps(command)
    def declaring(*args: object, guide: str | None, is_open: bool, **given: object) -> object:
        said = {name: given.pop(name) for name in DECLARED}
        terms = Terms(**said, migration_guide_url=guide, opt_in_required=not is_open)  # type: ignore[arg-type]
        return command(*args, terms=terms, **given)

    return declaring  # type: ignore[return-value]  # pyright: ignore[reportReturnType] -- click reads its options


@command.command()
@version_argument
@declares
@decides
@click.pass_obj
def register(output: Output, remote: Remote, *, version_id: str, terms: Terms, dry_run: bool) -> None:
    """Make a version known; a prerelease, unless --status says otherwise."""
    with remote.client() as client:
        said(output, client.versions.register(version_id, terms, dry_run=dry_run))


@command.command()
@version_argument
@decides
@click.pass_obj
def release(output: Output, remote: Remote, *, version_id: str, dry_run: bool) -> None:
    """Make a version the current one; the one before is deprecated in its favour."""
    with remote.client() as client:
        said(output, client.versions.release(version_id, dry_run=dry_run))


@command.command()
@version_argument
@decides
@click.pass_obj
def promote(output: Output, remote: Remote, *, version_id: str, dry_run: bool) -> None:
    """Make a prerelease stable: v3-beta becomes v3, which is current and answers for both."""
    with remote.client() as client:
        said(output, client.versions.promote(version_id, dry_run=dry_run))


@command.command()
@version_argument
@successor_option
@sunset_option
@guide_option
@decides
@click.pass_obj
def deprecate(
    output: Output,
    remote: Remote,
    *,
    version_id: str,
    successor: str | None,
    sunset_at: str | None,
    guide: str | None,
    dry_run: bool,
) -> None:
    """Announce a version's end. The current one hands over to --successor."""
    with remote.client() as client:
        decided = client.versions.deprecate(
            version_id, successor=successor, sunset_at=sunset_at, migration_guide_url=guide, dry_run=dry_run
        )
    said(output, decided)


@command.command()
@version_argument
@yes_option
@decides
@click.pass_obj
def sunset(output: Output, remote: Remote, *, version_id: str, yes: bool, dry_run: bool) -> None:
    """End a deprecated version now and for good: it answers 410 from then on."""
    with remote.client() as client:
        if not dry_run and not yes:
            using = [one.name for one in client.versions.consumers(version_id)]
            confirm(output, f"{version_id} ends for good. {_users(using)}", yes=yes)
        said(output, client.versions.sunset(version_id, dry_run=dry_run))


def _users(names: list[str]) -> str:
    if not names:
        return "Nobody used it lately."
    more = f" and {len(names) - NAMED_MAX} more" if len(names) > NAMED_MAX else ""
    return f"Used it lately: {', '.join(names[:NAMED_MAX])}{more}."


@command.command()
@version_argument
@reason_option
@decides
@click.pass_obj
def rollback(output: Output, remote: Remote, *, version_id: str, reason: str, dry_run: bool) -> None:
    """Take a version back at once; the one before it is current again and answers for both."""
    with remote.client() as client:
        said(output, client.versions.rollback(version_id, reason=reason, dry_run=dry_run))


@command.command()
@version_argument
@click.option(
    "--from", "starts_at", type=Moment(), required=True, help="2026-12-01T09:00:00Z, or +1h from now."
)
@click.option("--until", "ends_at", type=Moment(), required=True, help="The same forms.")
@reason_option
@decides
@click.pass_obj
def brownout(
    output: Output,
    remote: Remote,
    *,
    version_id: str,
    starts_at: str,
    ends_at: str,
    reason: str,
    dry_run: bool,
) -> None:
    """Let a deprecated version answer 410 for a while, so that whoever still uses it notices in time."""
    with remote.client() as client:
        decided = client.versions.brownout(
            version_id, starts_at=starts_at, ends_at=ends_at, reason=reason, dry_run=dry_run
        )
    said(output, decided)


@command.command(name="brownout-cancel")
@version_argument
@reason_option
@decides
@click.pass_obj
def brownout_cancel(output: Output, remote: Remote, *, version_id: str, reason: str, dry_run: bool) -> None:
    """Cancel a version's brownouts that have not ended."""
    with remote.client() as client:
        said(output, client.versions.cancel_brownouts(version_id, reason=reason, dry_run=dry_run))
