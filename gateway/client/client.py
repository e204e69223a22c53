"""A client of one Dits server: all operations, and the two jobs built on them, push and checkout.

Promises: safe for threads; every call is tried again with the same idempotency key while that can help;
errors are `DitsError`. Scenario: seeds S1.1, S2.1 from the caller's side.
"""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

from . import operations as op
from .admin import Keys, Projections
from .bus import Bus
from .calls import Calls
from .checkout import DEFAULTS as CHECKOUT_DEFAULTS
from .checkout import CheckedOut, CheckoutOptions, checkout, resolved
from .commits import Commits
from .contents import Contents
from .events import Events
from .http import Http
from .locks import Locks
from .machine import Machine, SystemMachine
from .media import Media
from .pacing import PATIENT, Pacing
from .progress import Report, say_nothing
from .push import DEFAULTS as PUSH_DEFAULTS
from .push import Pushed, PushOptions, Target, push
from .repos import Repos, branches, tags
from .results import Commit, Principal
from .sessions import Sessions
from .versions import Discovery, Versions
from .wire import Call, Json


class Client:
    """``Client("http://127.0.0.1:8420", key)``; with `nats_url`, JSON operations go over the bus instead.

    Reads see at least this client's own writes, and what was written up to `position`.
    """

    def __init__(
        self,
        url: str,
        key: str | None = None,
        *,
        nats_url: str | None = None,
        position: str = "",
        machine: Machine | None = None,
        pacing: Pacing = PATIENT,
    ) -> None:
        self._http = Http(url, key)
        self._bus = None if nats_url is None else Bus(nats_url, key)
        transport = self._bus or self._http
        self.calls = Calls(
            self._http, transport, machine=machine or SystemMachine(), pacing=pacing, position=position
        )
        self.repos = Repos(self.calls)
        self.branches = branches(self.calls)
        self.tags = tags(self.calls)
        self.sessions = Sessions(self.calls)
        self.contents = Contents(self.calls)
        self.commits = Commits(self.calls)
        self.media = Media(self.calls)
        self.locks = Locks(self.calls)
        self.events = Events(self.calls, streams=self._bus is None)
        self.keys = Keys(self.calls)
        self.projections = Projections(self.calls)
        self.discovery = Discovery(self.calls)
        self.versions = Versions(self.calls)

    @property
    def server(self) -> str:
        return self._http.server

    @property
    def position(self) -> str:
        """Of the last write; hand it to another client, and that one sees it too."""
        return self.calls.position

    def whoami(self) -> Principal:
        return self.keys.whoami()

    def health(self) -> Json:
        """The server's own word, also when it is unhealthy (503); one try."""
        return self._http.carry(Call(op.HEALTH)).json(self._http.server)

    def api_version(self) -> str:
        """The version that served a request of ours."""
        return self._http.carry(Call(op.REPOS_LIST)).headers.get("x-api-version", "none")

    def server_time(self) -> str | None:
        """The server's clock as it tells it (RFC 9110, Date), if it does."""
        return self._http.carry(Call(op.HEALTH)).headers.get("date")

    def push(
        self,
        repo: str,
        branch: str,
        *paths: str | Path,
        message: str,
        options: PushOptions = PUSH_DEFAULTS,
        progress: Report = say_nothing,
    ) -> Pushed:
        """Commit local files and directories. Raises DitsError; after one that may pass, push again."""
        target = Target(repo, branch, message)
        return push(self.calls, target, *paths, options=options, progress=progress)

    def checkout(
        self,
        repo: str,
        ref: str,
        directory: str | Path,
        *,
        options: CheckoutOptions = CHECKOUT_DEFAULTS,
        progress: Report = say_nothing,
    ) -> CheckedOut:
        """The files of a commit, branch or tag into a directory. Raises DitsError."""
        return checkout(self.calls, (repo, ref), directory, options=options, progress=progress)

    def commit_of(self, repo: str, ref: str) -> Commit:
        """What a commit id, branch or tag names."""
        return resolved(self.calls, repo, ref)

    def close(self) -> None:
        if self._bus is not None:
            self._bus.close()
        self._http.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
