"""One file committed through the HTTP door, with the real saga and its media check beside it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, cast

import httpx
from prometheus_client.parser import text_string_to_metric_families

from domain.asset.decider import DECIDER, Asset, asset_id
from domain.event import Event
from domain.format.media.facts import MediaFacts, facts_in
from domain.format.tree import Entry, Tree
from domain.ids import Digest, FilePath, RepoId, repo_id
from domain.ports import ObjectName
from domain.session import decider as sessions
from domain.session.recording import tree_commands
from domain.snapshots import find
from infra.metrics import Metrics
from tests.gateway.conftest import QUICK
from tests.gateway.films import sagas, send
from tests.gateway.house import SYSTEM, House, house

PATH = FilePath("shots/a.mov")


@dataclass(frozen=True, slots=True)
class Committed:
    """What came of a commit."""

    answer: httpx.Response
    asset: Asset
    """Of the file at PATH."""
    events: tuple[Event, ...]
    """What was recorded of assets."""
    metrics: Metrics
    """Of the worker that checked it."""
    facts: MediaFacts | None = None
    """In the tree, if it was committed."""

    @property
    def body(self) -> dict[str, Any]:
        return cast("dict[str, Any]", self.answer.json())

    def told(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.events if isinstance(event, kind)]

    def counted(self, name: str) -> dict[tuple[str, ...], float]:
        """What Prometheus reads under this name, by the labels' values; those that are 0 left out."""
        families = text_string_to_metric_families(self.metrics.text().decode())
        samples = [each for family in families for each in family.samples if each.name == name]
        assert samples or name in self.metrics.text().decode(), "no metric has this name"
        return {tuple(each.labels.values()): each.value for each in samples if each.value}


def committed(
    content: bytes, *, version: str = "v2", tries: int = 1, as_tree: bool = False, **asked: object
) -> Committed:
    """A file of this content at PATH; `tries` commits of it, one after the other; the last one's answer.

    `as_tree`: the client makes the trees, which say nothing of media.
    """

    async def story() -> Committed:
        async with house(limits=QUICK) as h:
            ann = await h.repo()
            sent = send(h, {PATH: content})
            recipe = Digest(bytes.fromhex(sent["changes"][0]["recipe"]))
            if as_tree:
                sent = {
                    "session": sent["session"],
                    "tree": _tree(h, sent["session"], recipe, len(content)).hex(),
                }
            metrics = Metrics(version="test")
            with sagas(h, metrics=metrics):
                answers = [
                    await _commit(h, ann, {**sent, **asked}, str(number), version) for number in range(tries)
                ]
            return _seen(h, answers[-1], recipe, metrics)

    return asyncio.run(story())


def _tree(h: House, session: str, recipe: Digest, size_bytes: int) -> Digest:
    """The root above PATH, sent."""
    directory, name = PATH.split("/")
    inner = Tree.of([Entry(name, "recipe", recipe, size_bytes)])
    root = Tree.of([Entry(directory, "tree", inner.digest, size_bytes)])
    for tree in (inner, root):
        h.store.put([(ObjectName("trees", tree.digest), tree.encode())])
        asks = (sessions.DECIDER.ask(session, command) for command in tree_commands(tree))
        h.core.log.ask(*asks, context=SYSTEM)
    return root.digest


async def _commit(h: House, key: str, asked: dict[str, object], token: str, version: str) -> httpx.Response:
    body, headers = {"branch": "main", **asked}, {"Idempotency-Key": token}
    return await h.ask("POST", "/repos/film/commits", key=key, body=body, headers=headers, version=version)


def _seen(h: House, answer: httpx.Response, recipe: Digest, metrics: Metrics) -> Committed:
    asset = h.core.log.load(DECIDER, asset_id(RepoId(repo_id("film")), recipe)).state
    told = tuple(
        each.event for each in h.log.feed().read(None, 10_000) if isinstance(each.event, DECIDER.events)
    )
    if answer.status_code != 201:
        return Committed(answer, asset, told, metrics)
    entry = find(Digest(bytes.fromhex(answer.json()["tree"])), PATH, h.core.content.tree)
    assert entry is not None
    return Committed(answer, asset, told, metrics, facts_in(entry.extensions))
