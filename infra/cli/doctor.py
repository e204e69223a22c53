"""`dits doctor`: everything that can be wrong between here and the server, each with what to do about it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Literal

import click

from gateway.client import Client, DitsError, ProblemError
from gateway.client.format.digest import digest_of
from gateway.client.notes import cache_dir
from gateway.client.wire import API_VERSION
from infra.cli.bars import in_words
from infra.cli.exits import OK, REFUSED
from infra.cli.output import Output
from infra.cli.remote import Remote, in_repo
from infra.clock import SystemClock, SystemIds

SKEW_S_MAX = 60
"""Between this clock and the server's; nothing depends on it, but people who read times do."""
FREE_BYTES_MIN = 1 << 30
PROBE_BYTES = 4096
API_VERSIONS = (API_VERSION,)
"""That this program speaks."""

Verdict = Literal["good", "look", "bad", "skipped"]


@dataclass(frozen=True, slots=True)
class Finding:
    check: str
    verdict: Verdict
    found: str
    next: str = ""


@click.command()
@in_repo
@click.pass_obj
def command(output: Output, remote: Remote) -> int:
    """Check address, versions, key, clock, disk, and that what is sent arrives.

    The last check sends 4 KiB to --repo, in a session that is never committed.
    """
    with remote.client() as client:
        findings = list(_examined(client, remote.repo_option))
    rows = [(each.check, each.verdict, each.found, each.next or None) for each in findings]
    output.rows(("check", "verdict", "found", "next"), rows)
    if any(each.verdict == "bad" for each in findings):
        return REFUSED
    return OK


def _examined(client: Client, repo: str | None) -> Iterator[Finding]:
    """What later checks cannot do without ends the examination."""
    address = _checked("address", "start the server with `dits up`, or mend --url", lambda: _address(client))
    yield address
    if address.verdict == "bad":
        return
    yield _checked("versions", "use a program and a server of one release", lambda: _versions(client))
    yield _checked("clock", "set this clock, or the server's", lambda: _clock(client))
    key = _checked("key", "set DITS_API_KEY to a valid key, or pass --key", lambda: _key(client))
    yield key
    yield _disk("disk (here)", Path.cwd())
    yield _disk("disk (cache)", cache_dir())
    if repo is None or key.verdict != "good":
        yield Finding("write and read", "skipped", "no repository or no key", "pass --repo and --key")
        return
    yield _checked("write and read", "see the error's own advice", lambda: _roundtrip(client, repo))


def _checked(check: str, next_step: str, look: Callable[[], Finding]) -> Finding:
    try:
        return look()
    except DitsError as error:
        code = error.code
        correlation = error.correlation_id if isinstance(error, ProblemError) else ""
        said = f"{error.message} [{code}]" + (f" (correlation id {correlation})" if correlation else "")
        return Finding(check, "bad", said, next_step)


def _address(client: Client) -> Finding:
    health = client.health()
    status = str(health.get("status"))
    if status == "healthy":
        return Finding("address", "good", f"{client.server} is healthy")
    reasons = health.get("reasons")
    return Finding("address", "look", f"{client.server} is {status}: {reasons}", "see the server's log")


def _versions(client: Client) -> Finding:
    api = client.api_version()
    if api in API_VERSIONS:
        return Finding("versions", "good", f"the server speaks {api}, and so do we")
    spoken = ", ".join(API_VERSIONS)
    return Finding("versions", "bad", f"the server speaks {api}, we speak {spoken}", "upgrade the older one")


def _clock(client: Client) -> Finding:
    told = client.server_time()
    if told is None:
        return Finding("clock", "skipped", "the server does not say what time it is")
    skew_s = abs((parsedate_to_datetime(told) - SystemClock().now().astimezone(UTC)).total_seconds())
    if skew_s <= SKEW_S_MAX:
        return Finding("clock", "good", f"within {SKEW_S_MAX} s of the server's")
    return Finding("clock", "look", f"{skew_s:.0f} s away from the server's", "set the wrong one of the two")


def _key(client: Client) -> Finding:
    principal = client.whoami()
    repos = "all repositories" if principal.repos is None else f"{len(principal.repos)} repositories"
    return Finding("key", "good", f"you are {principal.name}: {', '.join(principal.scopes)} for {repos}")


def _disk(check: str, directory: Path) -> Finding:
    there = next(place for place in (directory, *directory.parents) if place.exists())
    free_bytes = shutil.disk_usage(there).free
    if not os.access(there, os.W_OK):
        return Finding(check, "bad", f"{there} cannot be written to", "choose another directory")
    if free_bytes < FREE_BYTES_MIN:
        return Finding(check, "look", f"{in_words(free_bytes)} free in {there}", "free some space")
    return Finding(check, "good", f"{in_words(free_bytes)} free in {there}")


def _roundtrip(client: Client, repo: str) -> Finding:
    """A chunk that nobody has is sent, and then the server has it."""
    upload = client.sessions.within(repo, client.sessions.start(repo))
    content = SystemIds().token(PROBE_BYTES)
    digest = digest_of(content)
    if upload.missing([digest]) != [digest]:
        return Finding("write and read", "bad", "the server claims a chunk that nobody sent", "report it")
    upload.send_chunks([(digest, content)])
    if upload.missing([digest]):
        return Finding("write and read", "bad", "a chunk was sent, and the server lacks it", "report it")
    return Finding("write and read", "good", f"{in_words(PROBE_BYTES)} arrived in {repo}")
