"""The running product in a test's hands: its clients, its processes by name, and what an operator sees of it.

Every test takes a repository of its own; whoever harms a process puts it right before the test ends.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random

import httpx
import psutil

from domain.ids import repo_id
from gateway.client import Client, Draft, Pacing
from gateway.client.format.recipe import ChunkRef, Recipe
from gateway.client.pacing import PATIENT
from gateway.client.sessions import Upload
from infra.clock import SystemClock
from infra.compose import Ground, ground, rebuilder
from infra.dev.laptop import GATEWAY, WORKER, Laptop
from infra.dev.processes import first_number
from infra.settings import Settings, load_settings
from projections import ALL, operating
from projections.operating import Digest
from projections.reading import reading
from projections.refcounts.queries import REFCOUNTS, Alive, alive

MIB = 1 << 20
CATCH_UP_S = 30.0
POLL_S = 0.02
SIGKILLED = -signal.SIGKILL
ONCE = Pacing(tries_max=1)
"""For tests that want to see what one request is answered."""


def noise(seed: int, size_bytes: int) -> bytes:
    """The same bytes for the same seed, and nothing that another seed makes."""
    return Random(seed).randbytes(size_bytes)


@dataclass(frozen=True, slots=True)
class Product:
    """A laptop, whose processes nobody starts again but the test."""

    laptop: Laptop

    # ---------------------------------------------------------------- from outside
    @property
    def left(self) -> Mapping[str, str]:
        """What `dits up` leaves for the commands: url, key, nats_url."""
        found: dict[str, str] = json.loads((self.laptop.data_dir / "client.json").read_text())
        return found

    def client(self, key: str | None = None, *, over: str = "http", pacing: Pacing = PATIENT) -> Client:
        left = self.left
        nats_url = left["nats_url"] if over == "bus" else None
        return Client(left["url"], key or left["key"], nats_url=nats_url, pacing=pacing)

    def http(self, timeout_s: float = 30) -> httpx.Client:
        """Requests as somebody without our client makes them, in the version that was published first."""
        headers = {"X-API-Key": self.left["key"], "X-API-Version": "v1"}
        return httpx.Client(base_url=self.laptop.url, headers=headers, timeout=timeout_s)

    # ---------------------------------------------------------------- its processes
    def pid(self, name: str) -> int:
        """Of gateway, worker, nats or postgres."""
        if name in self.laptop.children:
            return self.laptop.children[name].pid
        files = {"nats": "nats/nats.pid", "postgres": "postgres/cluster/postmaster.pid"}
        found = first_number(self.laptop.data_dir / files[name])
        assert found is not None, name
        return found

    @contextmanager
    def frozen(self, name: str) -> Generator[None]:
        """The process is there and does nothing, as behind a cut cable."""
        family = psutil.Process(self.pid(name))
        pids = [family.pid, *(child.pid for child in family.children(recursive=True))]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)

    def relaunch(self, name: str, **environment: str) -> None:
        """End it cleanly and start it anew; ready when this returns, if it is the gateway."""
        self.laptop.children[name].stop(20)
        self.laptop.launch(name, **environment)
        if name == GATEWAY:
            self.laptop.wait_until_ready()

    def crash_worker_at(self, point: str) -> None:
        self.relaunch(WORKER, DITS_DEV="1", DITS_CRASH_AT=point)

    # ---------------------------------------------------------------- as its operator
    @property
    def settings(self) -> Settings:
        return load_settings(self.laptop.environment)

    @contextmanager
    def behind(self) -> Generator[Ground]:
        with ground(self.settings, "dits-test") as on:
            yield on

    def digests(self, on: Ground) -> dict[str, Digest]:
        wait_for_read_models(on)
        return {one.name: operating.digest(on.pool, one) for one in ALL}

    def alive_in(self, repo: str) -> Alive:
        with self.behind() as on:
            wait_for_read_models(on)
            with reading(on.pool, REFCOUNTS) as (cursor, _):
                return alive(cursor, repo_id(repo))

    def refcounts_are_a_fold(self) -> bool:
        """The live counts are those that a rebuild makes (I4, I5)."""
        with self.behind() as on:
            before = self.digests(on)[REFCOUNTS.name]
            rebuilder(on).rebuild(REFCOUNTS)
            return operating.digest(on.pool, REFCOUNTS).tables == before.tables


def wait_for_read_models(on: Ground) -> None:
    clock = SystemClock()
    give_up_ms = clock.monotonic_ms() + int(CATCH_UP_S * 1000)
    while any(one.lag_messages for one in operating.standings(on.pool, ALL, on.log.events.end())):
        assert clock.monotonic_ms() < give_up_ms, "the read models do not reach the end of the log"
        clock.sleep(POLL_S)


# ------------------------------------------------------------------ content without files
def upload_of(client: Client, repo: str) -> Upload:
    return client.sessions.within(repo, client.sessions.start(repo))


def sent(upload: Upload, files: Mapping[str, bytes]) -> dict[str, str | None]:
    """Send each as one chunk with its recipe; what a commit says of them."""
    chunks = {path: ChunkRef.of(content) for path, content in files.items()}
    recipes = {path: Recipe.opaque([chunk]) for path, chunk in chunks.items()}
    upload.send_chunks([(chunk.digest, files[path]) for path, chunk in chunks.items()])
    upload.send_recipes([(recipe.digest, recipe.encode()) for recipe in recipes.values()])
    return {path: recipe.digest.hex() for path, recipe in recipes.items()}


def draft(
    client: Client, repo: str, files: Mapping[str, bytes], *, base: str | None, fixed: bool = False
) -> Draft:
    """A commit of these files on `main`, ready to be asked for."""
    upload = upload_of(client, repo)
    return Draft("main", upload.session.session, base, "test", sent(upload, files), fixed_head=fixed)


def files_of(client: Client, repo: str, ref: str) -> dict[str, bytes]:
    """Everything in a commit, as its readers get it."""
    commit = client.commit_of(repo, ref).commit
    return {
        file.path: b"".join(client.commits.read(repo, commit, file.path))
        for file in client.commits.files(repo, commit)
    }
