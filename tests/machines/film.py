"""One repository on a memory log and a memory store, which survive every process that works on them.

`Film` is what clients do and what a stranger can find out from the log and the store alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from typing import TypedDict, Unpack

from domain import branch as branches
from domain import catalogue, locks, references, snapshots
from domain.asset.events import RecipeSuperseded
from domain.commit import decider as commits
from domain.commit.decider import OpenCommit
from domain.commit.events import CommitOpened, LockToken, ManifestRecorded, PathChange
from domain.decider import Ask, Context, Outcome
from domain.event import Event, IdempotencyKey, Recorded
from domain.format.digest import digest_of
from domain.format.manifest import Manifest
from domain.format.recipe import ChunkRef, Recipe
from domain.format.tree import Tree
from domain.ids import (
    BranchId,
    CommitId,
    ConsumerId,
    Digest,
    FilePath,
    RepoId,
    SessionId,
    branch_id,
    derived_id,
    unpacked,
)
from domain.locks import AcquireLocks, ReleaseLocks
from domain.ports import CrashPoints, EventLog, Ids, LiveKind, ObjectName, ObjectStore, Presence
from domain.position import Position
from domain.references import ManifestReleased, ManifestRetained
from domain.session import decider as sessions
from domain.session.commands import SessionCommand, StartSession, StoreChunks
from domain.session.events import RecipeRecorded, TreeRecorded
from domain.session.recording import recipe_commands, tree_commands
from infra.eventlog.mapper import Topics
from infra.eventlog.memory import MemoryRecorder
from infra.eventlog.opening import OpenedLog, open_memory
from infra.objects.memory import MemoryStore
from tests.domain.examples import ADA, FILM
from tests.fakes import FakeClock, FakeIds
from tests.faults import Moments
from workers.commit_steps import CommitSteps, NamedCheck
from workers.saga_runner import SagaRunner

TOPICS = Topics(catalogue.TOPICS, catalogue.upcast)
ACTIONS_MAX = 2_000
"""A saga that acts more often runs in circles."""
Files = dict[str, bytes]


class How(TypedDict, total=False):
    """What a commit asks for beyond its changes."""

    base: CommitId | None
    branch: str
    fixed_head: bool
    tokens: Mapping[str, int]


@dataclass
class Edges:
    """The graph as the log tells it; a memory adapter of the port Presence (I4)."""

    children: dict[Digest, set[Digest]] = field(default_factory=dict[Digest, set[Digest]])
    parts: dict[Digest, tuple[int, set[int]]] = field(default_factory=dict[Digest, tuple[int, set[int]]])
    """How many parts a recipe or tree has, and which are recorded."""
    retained: dict[str, list[Digest]] = field(default_factory=dict[str, list[Digest]])
    successors: dict[Digest, Digest] = field(default_factory=dict[Digest, Digest])

    def add(self, event: Event) -> None:
        match event:
            case RecipeRecorded():
                self._part(event, event.recipe, unpacked(event.chunks))
            case TreeRecorded():
                self._part(event, event.tree, unpacked(event.trees) + unpacked(event.recipes))
            case ManifestRecorded():
                tree = () if event.tree is None else (event.tree,)
                self.children[event.manifest] = {*event.parents, *tree}
            case ManifestRetained():
                self.retained.setdefault(event.holder, []).append(event.manifest)
            case ManifestReleased():
                self.retained[event.holder].remove(event.manifest)
            case RecipeSuperseded():
                self.successors[event.old] = event.new
            case _:
                pass

    def _part(self, event: RecipeRecorded | TreeRecorded, name: Digest, children: Iterable[Digest]) -> None:
        self.children.setdefault(name, set()).update(children)
        self.parts.setdefault(name, (event.parts, set()))[1].add(event.part)

    def holes(self) -> set[Digest]:
        """Recipes and trees of which a part is not recorded."""
        return {name for name, (parts, told) in self.parts.items() if told != set(range(parts))}

    def live(self) -> set[Digest]:
        reached, waiting = set[Digest](), [m for held in self.retained.values() for m in held]
        while waiting:
            name = waiting.pop()
            if name not in reached:
                reached.add(name)
                successor = self.successors.get(name)
                waiting.extend(self.children.get(name, ()) if successor is None else [successor])
        return reached

    def missing(
        self, repo: RepoId, kind: LiveKind, names: Iterable[Digest], at_least: Position | None
    ) -> frozenset[Digest]:
        return frozenset(names) - self.live()


class Film:
    """The repository, its clients and its judge."""

    def __init__(self, ids: Ids | None = None) -> None:
        self.clock, self.ids = FakeClock(), ids or FakeIds()
        self.recorder = MemoryRecorder()
        self.store: MemoryStore = MemoryStore("memory")
        self.log = self.process()
        self.moments = Moments()

    def process(self) -> OpenedLog:
        """A process that knows nothing but what the log holds."""
        return open_memory(topics=TOPICS, clock=self.clock, ids=self.ids, recorder=self.recorder)

    # ---------------------------------------------------------------- what clients do
    def ask(self, *asks: Ask, key: str | None = None) -> Outcome:
        idempotency = None if key is None else IdempotencyKey("test", key, digest_of(key.encode()))
        return self.log.events.ask(*asks, context=Context(ADA, "correlation", None, idempotency))

    def in_session(self, session: SessionId, *commands: SessionCommand) -> None:
        self.ask(*(sessions.DECIDER.ask(session, command) for command in commands))

    def session(self, name: str) -> SessionId:
        session = SessionId(derived_id("session", name))
        end = self.log.events.end()
        self.in_session(session, StartSession(session, FILM, ADA, end.encode() if end else ""))
        return session

    def send(self, session: SessionId, content: bytes, *, without_chunks: bool = False) -> Digest:
        """A file's chunks of four bytes, of a large file's more, and its recipe."""
        step = max(4, len(content) // 4_000)
        chunks = [content[at : at + step] for at in range(0, len(content), step)]
        recipe = Recipe.opaque(map(ChunkRef.of, chunks))
        if chunks and not without_chunks:
            names = [(ObjectName("chunks", digest_of(chunk)), chunk) for chunk in chunks]
            self.store.put(names)
            told = StoreChunks("memory", b"".join(name.digest for name, _ in names), tuple(map(len, chunks)))
            self.in_session(session, told)
        self.store.put([(ObjectName("recipes", recipe.digest), recipe.encode())])
        self.in_session(session, *recipe_commands(recipe))
        return recipe.digest

    def send_tree(self, session: SessionId, tree: Tree) -> Digest:
        self.store.put([(ObjectName("trees", tree.digest), tree.encode())])
        self.in_session(session, *tree_commands(tree))
        return tree.digest

    def opening(
        self,
        name: str,
        session: SessionId,
        *changes: PathChange,
        tree: Digest | None = None,
        repo: RepoId = FILM,
        **how: Unpack[How],
    ) -> CommitOpened:
        branch = how.get("branch", "main")
        shown = (LockToken(path=FilePath(p), token=t) for p, t in how.get("tokens", {}).items())
        return CommitOpened(
            commit=CommitId(derived_id("commit", name)),
            repo=repo,
            branch=branch_id(repo, branch),
            branch_name=branch,
            session=session,
            base=how.get("base"),
            tree=tree,
            changes=changes,
            fixed_head=how.get("fixed_head", False),
            author=ADA,
            author_name="ada",
            message=name,
            tokens=tuple(shown),
            raw=(),
            opened_at_ms=1_795_000_000_000,
        )

    def open_commit(self, opened: CommitOpened) -> Recorded:
        asked = self.ask(commits.DECIDER.ask(opened.commit, OpenCommit(opened)), key=opened.commit)
        return asked.events[0]

    def open(self, name: str, files: Mapping[str, bytes | None], **how: Unpack[How]) -> Recorded:
        """Send what changed and ask for a commit; None removes a path."""
        session = self.session(name)
        changes = [
            PathChange(path=FilePath(path), recipe=None if content is None else self.send(session, content))
            for path, content in files.items()
        ]
        return self.open_commit(self.opening(name, session, *changes, **how))

    def commit(self, name: str, files: Mapping[str, bytes | None], **how: Unpack[How]) -> CommitId:
        """Open and run; returns the commit's id, whatever came of it."""
        opened = self.open(name, files, **how)
        self.run(opened)
        return commit_of(opened)

    def lock(self, path: str, holder: ConsumerId) -> int:
        self.ask(
            locks.DECIDER.ask(FILM, AcquireLocks(FILM, (FilePath(path),), holder, holder, "until", 1, "noon"))
        )
        return self.log.events.load(locks.DECIDER, FILM).state.locks[FilePath(path)].fencing_token

    def unlock(self, path: str, holder: ConsumerId, token: int) -> None:
        self.ask(locks.DECIDER.ask(FILM, ReleaseLocks(holder, {FilePath(path): token})))

    # ---------------------------------------------------------------- the saga
    def runner(
        self,
        *,
        crash_points: CrashPoints | None = None,
        checks: tuple[NamedCheck, ...] = (),
        store: ObjectStore | None = None,
        presence: Callable[[Presence], Presence] = lambda presence: presence,
        events: Callable[[EventLog], EventLog] = lambda log: log,
    ) -> SagaRunner:
        """A fresh process that runs sagas; it gives up as `stopping` when it runs in circles."""
        log = events(self.process().events)
        steps = CommitSteps(log, store or self.store, presence(self.edges()), checks)
        actions = iter(range(ACTIONS_MAX))
        stopping = lambda: next(actions, None) is None  # noqa: E731
        return SagaRunner(log, steps, self.clock, self.ids, crash_points or Moments(), stopping)

    def run(self, opened: Recorded) -> None:
        self.runner().run(opened)

    # ---------------------------------------------------------------- what a stranger finds out
    def events(self) -> list[Recorded]:
        feed, told, after = self.log.feed(), list[Recorded](), None
        while batch := feed.read(after, 1_000):
            told += batch
            after = batch[-1].position
        return told

    def edges(self) -> Edges:
        return reduce(_with, (recorded.event for recorded in self.events()), Edges())

    def state(self, commit: CommitId) -> commits.Commit:
        return self.log.events.load(commits.DECIDER, commit).state

    def topics(self, commit: CommitId) -> list[str]:
        """The commit's own events, by the names of their classes."""
        return [type(told.event).__name__ for told in self.log.events.history(commits.DECIDER.at(commit))]

    def head(self, branch: str = "main") -> CommitId | None:
        return self.log.events.load(branches.DECIDER, branch_id(FILM, branch)).state.commit

    def tree(self, name: Digest) -> Tree:
        return Tree.decode(self.store.get(ObjectName("trees", name)))

    def files(self, branch: str = "main") -> Files:
        """The branch's files as bytes, re-hashed on the way."""
        head = self.log.events.load(branches.DECIDER, branch_id(FILM, branch)).state.head
        if head is None:
            return {}
        manifest = Manifest.decode(self.store.get(ObjectName("manifests", head.manifest)))
        return {path: self._content(entry.digest) for path, entry in snapshots.walk(manifest.root, self.tree)}

    def _content(self, recipe: Digest) -> bytes:
        decoded = Recipe.decode(self.store.get(ObjectName("recipes", recipe)))
        pieces = decoded.pieces(0, decoded.size_bytes)
        return b"".join(
            self._bytes(ObjectName("chunks", piece.digest))[piece.offset :][: piece.size_bytes]
            for piece in pieces
        )

    def _bytes(self, name: ObjectName) -> bytes:
        content = self.store.get(name)
        assert digest_of(content) == name.digest, name
        return content

    def live_branches(self) -> dict[BranchId, branches.Head]:
        ids = {r.aggregate.id for r in self.events() if r.aggregate.family == "branch"}
        loaded = {BranchId(id_): self.log.events.load(branches.DECIDER, id_).state.head for id_ in ids}
        return {id_: head for id_, head in loaded.items() if head is not None}

    def check(self) -> None:
        """I2 and I4, from the log and the store alone."""
        edges, heads = self.edges(), self.live_branches()
        held = {references.branch_holder(id_): [head.manifest] for id_, head in heads.items()}
        assert {holder: manifests for holder, manifests in edges.retained.items() if manifests} == held
        for head in heads.values():
            assert self.state(head.commit).phase == "published"
        assert not edges.live() & edges.holes()
        for manifest in {m for manifests in held.values() for m in manifests}:
            self._check_manifest(manifest, edges)

    def _check_manifest(self, name: Digest, edges: Edges) -> None:
        manifest = Manifest.decode(self._bytes(ObjectName("manifests", name)))
        root = () if manifest.root is None else (manifest.root,)
        assert edges.children[name] == {*manifest.parents, *root}
        for tree in root:
            self._check_tree(tree, edges)
        for parent in manifest.parents:
            self._check_manifest(parent, edges)

    def _check_tree(self, name: Digest, edges: Edges) -> None:
        tree = Tree.decode(self._bytes(ObjectName("trees", name)))
        assert edges.children[name] == {entry.digest for entry in tree.entries}
        for below in tree.children("tree"):
            self._check_tree(below, edges)
        for file in tree.children("recipe"):
            recipe = Recipe.decode(self._bytes(ObjectName("recipes", file)))
            assert edges.children[file] == set(recipe.children())
            for chunk in recipe.children():
                self._bytes(ObjectName("chunks", chunk))


def commit_of(opened: Recorded) -> CommitId:
    assert isinstance(opened.event, CommitOpened)
    return opened.event.commit


def _with(edges: Edges, event: Event) -> Edges:
    edges.add(event)
    return edges
