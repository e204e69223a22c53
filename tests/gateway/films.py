"""Content in an upload session, and a saga runner beside the gateway, so that commits come to their end."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

from domain.commit.events import CommitOpened
from domain.consumer import consumer_id
from domain.format.recipe import ChunkRef, Recipe
from domain.ids import Digest, RepoId, SessionId, derived_id, packed, repo_id
from domain.ports import ObjectName
from domain.position import Position
from domain.session import decider as sessions
from domain.session.commands import SessionCommand, StartSession, StoreChunks
from domain.session.recording import recipe_commands
from infra.compose.workers import media_counts
from infra.dev.crash import NeverKill
from infra.metrics import Metrics
from tests.gateway.house import SYSTEM, House
from workers.commit_steps import CommitSteps, Describe, NamedCheck
from workers.media_check import MediaCheck
from workers.saga_runner import SagaRunner

Sent = dict[str, Any]


def send(h: House, files: Mapping[str, bytes], *, repo: str = "film", name: str = "ann") -> Sent:
    """What a commit says of files that were sent: session and changes."""
    session = SessionId(derived_id("session", repo, *files, str(h.core.log.end())))
    recipes = {path: _send_one(h, session, RepoId(repo_id(repo)), name, text) for path, text in files.items()}
    changes = [{"path": path, "recipe": recipe.hex()} for path, recipe in recipes.items()]
    return {"session": session, "changes": changes}


def _send_one(h: House, session: SessionId, repo: RepoId, name: str, content: bytes) -> Digest:
    chunk = ChunkRef.of(content)
    recipe = Recipe.opaque([chunk])
    chunks, recipes = ObjectName("chunks", chunk.digest), ObjectName("recipes", recipe.digest)
    h.store.put([(chunks, content), (recipes, recipe.encode())])
    end = h.core.log.end()
    commands: list[SessionCommand] = [
        StartSession(session, repo, consumer_id(name), end.encode() if end is not None else ""),
        StoreChunks("memory", packed([chunk.digest]), (chunk.size_bytes,)),
        *recipe_commands(recipe),
    ]
    h.core.log.ask(*(sessions.DECIDER.ask(session, each) for each in commands), context=SYSTEM)
    return recipe.digest


@contextmanager
def sagas(h: House, describe: Describe | None = None, metrics: Metrics | None = None) -> Generator[None]:
    """Runs every commit that is opened while this is entered, and those that were open before."""
    stopping = Event()
    media = MediaCheck(h.core.log, h.store, media_counts(metrics or Metrics(version="test")))
    checks = (NamedCheck("media", media.passes),)
    steps = CommitSteps(h.core.log, h.store, h.presence, checks, describe or media.describe)
    runner = SagaRunner(h.core.log, steps, h.core.clock, h.core.ids, NeverKill(), stopping.is_set)

    def follow() -> None:
        feed = h.log.feed()
        after: Position | None = None
        while not stopping.is_set():
            for recorded in feed.read(after, 100):
                after = recorded.position
                if isinstance(recorded.event, CommitOpened):
                    runner.run(recorded)
            feed.wait(after, 0.05)

    thread = Thread(target=follow)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()
