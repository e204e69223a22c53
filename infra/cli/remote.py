"""What every command that speaks to a server shares: options, a client, and the server's errors as ours.

Promises: an error of the client ends a command as one of the domain does, with its code, and with the
correlation id where an operator will ask for it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, cast

import click

from domain.errors import DitsError, Kind, SettingsError
from gateway import client as sdk
from gateway.client.checkout import nearest
from gateway.client.notes import cache_dir, name_of, opened
from gateway.client.placing import Record
from infra.cli.address import found

F = TypeVar("F", bound=Callable[..., object])

SHOW_CORRELATION: frozenset[Kind] = frozenset({"bug", "unavailable", "corrupt", "full"})
DAMAGED = "CORRUPTED_CONTAINER"
"""Its commit is said, because the file can be looked at and salvaged by it."""
DEFAULT_BRANCH = "main"
SAME_BUS = "."
"""`--bus` without a value: the one that `dits up` wrote down."""


class RemoteError(DitsError):
    """{message}"""

    code: str  # type: ignore[misc] # what the client or the server said
    kind: Kind  # type: ignore[misc]

    def __init__(self, error: sdk.DitsError) -> None:
        self.code = error.code  # pyright: ignore[reportIncompatibleVariableOverride]
        self.kind = error.kind  # pyright: ignore[reportIncompatibleVariableOverride]
        message = error.message
        if isinstance(error, sdk.ProblemError) and self.kind in SHOW_CORRELATION and error.correlation_id:
            message = f"{message} (correlation id {error.correlation_id})"
        details = error.details if isinstance(error, sdk.ProblemError) else {}
        if self.code == DAMAGED and "commit" in details:
            message = f"{message} (commit {details['commit']})"
        issues = _issues(details) if self.code == DAMAGED else ()
        super().__init__(message=message, reason=str(details.get("reason", "")), issues=issues)


def _issues(details: Mapping[str, object]) -> tuple[Mapping[str, str], ...]:
    """What is wrong with a container."""
    told = cast("list[dict[str, object]]", details.get("issues") or [])
    return tuple({name: str(each.get(name)) for name in ("severity", "message")} for each in told)


@dataclass(frozen=True, slots=True)
class Remote:
    """The server named on the command line; nothing is asked of it before `client`."""

    url: str | None
    key: str | None
    bus: str | None
    repo_option: str | None = None

    @contextmanager
    def client(self) -> Generator[sdk.Client]:
        """Errors of the client leave as ours."""
        address = found(url=self.url, key=self.key)
        nats_url = address.nats_url if self.bus == SAME_BUS else self.bus
        if self.bus is not None and nats_url is None:
            raise SettingsError(problems="no bus is named: pass --bus URL, or set DITS_BUS_URL")
        position = last_position(address.url)
        with (
            translated(),
            sdk.Client(address.url, address.key, nats_url=nats_url, position=position) as client,
        ):
            try:
                yield client
            finally:
                remember_position(address.url, client.position)

    @property
    def here(self) -> tuple[Path, Record] | None:
        """The checkout that the current directory lies in."""
        return nearest(Path.cwd(), cache_dir())

    @property
    def repo(self) -> str:
        """Raises click.UsageError if it is named nowhere."""
        if self.repo_option:
            return self.repo_option
        here = self.here
        if here is None:
            raise click.UsageError("Which repository? Pass --repo, set DITS_REPO, or be in a checkout.")
        return here[1].repo

    def branch(self, client: sdk.Client, named: str | None) -> str:
        """The branch named, else the one that the current directory was checked out from, else main."""
        here = self.here
        if named is not None or here is None or here[1].repo != self.repo:
            return named or DEFAULT_BRANCH
        known = {ref.name for ref in client.branches.list(self.repo)}
        return here[1].ref if here[1].ref in known else DEFAULT_BRANCH


def last_position(url: str) -> str:
    """Where this user's last command wrote, so that the next one sees it."""
    with opened(cache_dir(), name_of(["position", url])) as note:
        return str(note.read().get("position", "")) if note is not None else ""


def remember_position(url: str, position: str) -> None:
    if position:
        with opened(cache_dir(), name_of(["position", url])) as note:
            if note is not None:
                note.write({"position": position})


@contextmanager
def translated() -> Generator[None]:
    try:
        yield
    except sdk.DitsError as error:
        raise RemoteError(error) from error


def asks_server(command: F) -> F:
    """Adds the options that name the server; the command gets `remote`."""

    @click.option("--url", metavar="URL", help="Address of the server. [env: DITS_URL]")
    @click.option("--key", metavar="KEY", help="API key; better in the environment. [env: DITS_API_KEY]")
    @click.option(
        "--bus",
        metavar="[URL]",
        is_flag=False,
        flag_value=SAME_BUS,
        help="Ask over NATS instead of HTTP (bytes stay on HTTP). [env: DITS_BUS_URL]",
    )
    @functools.wraps(command)
    def asking(*args: object, url: str | None, key: str | None, bus: str | None, **kwargs: object) -> object:
        repo = kwargs.pop("repo", None)
        remote = Remote(url, key, bus, None if repo is None else str(repo))
        return command(*args, remote=remote, **kwargs)

    return asking  # type: ignore[return-value]  # pyright: ignore[reportReturnType] -- click reads its options


def in_repo(command: F) -> F:
    """`asks_server`, and the option that names the repository."""
    option = click.option(
        "-r", "--repo", metavar="NAME", envvar="DITS_REPO", help="The repository. [env: DITS_REPO]"
    )
    return option(asks_server(command))
