"""What each step of a commit does to the world, and the asks that record it.

Promises: a step may be taken any number of times: objects are named by their content, and nothing is
appended here but trees, which are recorded once. No step reads a clock; the pivot's locks and head are
checked by its append, not here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Protocol

from domain import branch as branches
from domain import snapshots
from domain.commit import decider as commits
from domain.commit.decider import Commit, RecordChecked, RecordManifest, RecordVerified
from domain.commit.events import WARNINGS_MAX, CheckWarning, CommitOpened, PathChange, Step
from domain.decider import Ask, Context
from domain.errors import CommitTooLargeError, NotFoundError, TreeSizeError
from domain.format.extension import Extensions, described
from domain.format.manifest import Manifest
from domain.format.recipe import Recipe
from domain.format.tree import Entry, Tree
from domain.ids import CommitId, Digest, FilePath, RepoId
from domain.ports import PUT_BYTES_MAX, EventLog, ObjectKind, ObjectName, ObjectStore, Presence
from domain.position import Position
from domain.sagas import commit as saga
from domain.sagas.content import SentContent, verify
from domain.session import decider as sessions
from domain.session.recording import in_appends, tree_commands
from domain.snapshots import Change

TREES_CACHED = 4_096
"""Directories kept decoded; the ones around the heads of busy branches are read again and again."""

CHANGES_MAX = 1_000_000
"""Files that one commit may change; a tree whose directories repeat can name more than there are atoms."""

Check = Callable[[CommitOpened, Sequence[Change], Context], Sequence[CheckWarning]]
"""Given what the commit changes, what it lets pass and warns of; raises a DitsError if it does not pass."""


class Describe(Protocol):
    """What a directory says of a file beside its recipe. Callers may rely on: the same each time."""

    def __call__(self, repo: RepoId, recipe: Digest, *, raw: bool) -> Extensions: ...


@dataclass(frozen=True, slots=True)
class NamedCheck:
    """Something a commit must pass before the pivot."""

    name: str
    passes: Check


def say_nothing(repo: RepoId, recipe: Digest, *, raw: bool) -> Extensions:  # noqa: ARG001 -- Describe
    return ()


@dataclass(frozen=True, slots=True)
class _Point:
    """A published commit, or the empty beginning."""

    manifest: Digest | None
    root: Digest | None


@dataclass(frozen=True)
class CommitSteps:
    """The effects of the saga's forward steps."""

    events: EventLog
    store: ObjectStore
    presence: Presence
    checks: tuple[NamedCheck, ...] = ()
    describe: Describe = say_nothing
    tree: Callable[[Digest], Tree] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "tree", lru_cache(TREES_CACHED)(self._load_tree))

    def take(self, state: Commit, opened: CommitOpened, step: Step, context: Context) -> tuple[Ask, ...]:
        """Do the step's work and return what its append must ask. Raises whatever stands in the way."""
        match step:
            case "verify":
                return self._verify(opened)
            case "store":
                return self._store(opened, context)
            case "check":
                return self._check(state, opened, context)
            case "publish":
                return self._publish(state, opened)

    # -------------------------------------------------------------- verify
    def _verify(self, opened: CommitOpened) -> tuple[Ask, ...]:
        session = self.events.load(sessions.DECIDER, opened.session).state
        if session.repo != opened.repo or session.consumer != opened.author:
            raise NotFoundError(thing="upload session", name=opened.session)
        sent = SentContent()
        for recorded in self.events.history(sessions.DECIDER.at(opened.session)):
            sent.add(recorded.event)
        base = self._point(opened, opened.base)

        def missing(kind: ObjectKind, names: frozenset[Digest]) -> frozenset[Digest]:
            if not names or not session.base:
                return names  # an empty log held nothing
            return self.presence.missing(opened.repo, kind, names, Position.decode(session.base))

        trees = () if opened.tree is None else (opened.tree,)
        recipes = [change.recipe for change in opened.changes if change.recipe is not None]
        verified = verify(sent, trees, recipes, missing)
        if opened.tree is not None:
            self._refuse_wrong_sizes(base.root, opened.tree, sent)
        return (
            commits.DECIDER.ask(opened.commit, RecordVerified(verified.recipe_count, verified.chunk_count)),
        )

    def _refuse_wrong_sizes(self, base: Digest | None, root: Digest, sent: SentContent) -> None:
        """A tree that a client made says what it likes: check what differs from the base, within bounds."""
        for tree in map(self.tree, filter(sent.holds, {root, *sent.tree_children})):
            for entry in tree.entries:
                if entry.kind == "tree":
                    _refuse_wrong_size(entry, self.tree(entry.digest).size_bytes)
        changes = snapshots.diff(base, root, self.tree)
        for count, change in enumerate(changes, start=1):
            if count > CHANGES_MAX:
                raise CommitTooLargeError(limit=CHANGES_MAX)
            if change.after is not None:
                known = sent.recipe_sizes.get(change.after.digest)
                _refuse_wrong_size(
                    change.after, known if known is not None else self._size(change.after.digest)
                )

    def _size(self, recipe: Digest) -> int:
        return Recipe.decode(self.store.get(ObjectName("recipes", recipe))).size_bytes

    # -------------------------------------------------------------- store
    def _store(self, opened: CommitOpened, context: Context) -> tuple[Ask, ...]:
        head = opened.base if opened.fixed_head else self._branch(opened).commit
        onto_commit = _built_on(opened, head)
        onto = self._point(opened, onto_commit)
        root, trees = self._snapshot(opened, onto.root, onto_commit)
        parents = () if onto.manifest is None else (onto.manifest,)
        manifest = Manifest(root, parents, opened.author_name, opened.message, opened.opened_at_ms)
        self._put_all(
            [
                *((ObjectName("trees", tree.digest), tree.encode()) for tree in trees),
                (ObjectName("manifests", manifest.digest), manifest.encode()),
            ]
        )
        self._record_trees(opened, trees, context)
        built = RecordManifest(manifest.digest, root, parents, head)
        return (commits.DECIDER.ask(opened.commit, built),)

    def _snapshot(
        self, opened: CommitOpened, onto: Digest | None, onto_commit: CommitId | None
    ) -> tuple[Digest | None, tuple[Tree, ...]]:
        """The root of what is committed, on top of `onto`, and the trees that are new in it."""
        base = self._point(opened, opened.base).root
        raw = frozenset(opened.raw)
        if opened.tree is not None:
            told = self._described(opened.repo, (base, opened.tree), raw)
            ours, new = snapshots.apply(opened.tree, told, self.tree)
        else:
            changes = [self._change(opened.repo, change, raw) for change in opened.changes]
            ours, new = snapshots.apply(base, changes, self.tree)
        if onto_commit == opened.base:
            return ours, new
        known = {tree.digest: tree for tree in new}

        def load(name: Digest) -> Tree:
            return known.get(name) or self.tree(name)

        return snapshots.apply(onto, snapshots.rebase(base, ours, onto, load), self.tree)

    def _change(self, repo: RepoId, change: PathChange, raw: AbstractSet[FilePath]) -> Change:
        if change.recipe is None:
            return Change(change.path, None, None)
        name, size_bytes = change.path.split("/")[-1], self._size(change.recipe)
        extensions = self.describe(repo, change.recipe, raw=change.path in raw)
        return Change(change.path, None, Entry(name, "recipe", change.recipe, size_bytes, extensions))

    def _described(
        self, repo: RepoId, roots: tuple[Digest | None, Digest], raw: AbstractSet[FilePath]
    ) -> Iterator[Change]:
        """What a tree that a client made does not say of its new files, or says wrongly."""
        for change in snapshots.diff(*roots, self.tree):
            entry = change.after
            if entry is None:
                continue
            said = self.describe(repo, entry.digest, raw=change.path in raw)
            extensions = described(entry.extensions, said)
            if extensions != entry.extensions:
                yield Change(change.path, None, replace(entry, extensions=extensions))

    def _put_all(self, objects: Sequence[tuple[ObjectName, bytes]]) -> None:
        batch: list[tuple[ObjectName, bytes]] = []
        size_bytes = 0
        for name, encoded in objects:
            if batch and size_bytes + len(encoded) > PUT_BYTES_MAX:
                self.store.put(batch)
                batch, size_bytes = [], 0
            batch.append((name, encoded))
            size_bytes += len(encoded)
        self.store.put(batch)

    def _record_trees(self, opened: CommitOpened, trees: tuple[Tree, ...], context: Context) -> None:
        commands = (command for tree in trees for command in tree_commands(tree))
        for batch in in_appends(commands):
            asks = (sessions.DECIDER.ask(opened.session, command) for command in batch)
            self.events.ask(*asks, context=context)

    # -------------------------------------------------------------- check and publish
    def _check(self, state: Commit, opened: CommitOpened, context: Context) -> tuple[Ask, ...]:
        built = state.built
        assert built is not None
        onto = self._point(opened, _built_on(opened, built.head))
        changes = tuple(snapshots.diff(onto.root, built.tree, self.tree)) if self.checks else ()
        warnings = [warning for check in self.checks for warning in check.passes(opened, changes, context)]
        names = tuple(check.name for check in self.checks)
        checked = RecordChecked(built.manifest, names, tuple(warnings[:WARNINGS_MAX]))
        return (commits.DECIDER.ask(opened.commit, checked),)

    def _publish(self, state: Commit, opened: CommitOpened) -> tuple[Ask, ...]:
        built = state.built
        assert built is not None
        head = self._branch(opened).head
        onto = self._point(opened, _built_on(opened, built.head))
        paths = tuple(change.path for change in snapshots.diff(onto.root, built.tree, self.tree))
        return saga.pivot(opened, built, head.manifest if head is not None else None, paths)

    # -------------------------------------------------------------- reading
    def _branch(self, opened: CommitOpened) -> branches.Branch:
        return self.events.load(branches.DECIDER, opened.branch).state

    def _point(self, opened: CommitOpened, commit: CommitId | None) -> _Point:
        """Raises NotFoundError unless the commit is published in the same repository."""
        if commit is None:
            return _Point(None, None)
        state = self.events.load(commits.DECIDER, commit).state
        if state.phase != "published" or state.built is None or state.built.repo != opened.repo:
            raise NotFoundError(thing="published commit", name=commit)
        return _Point(state.built.manifest, state.built.tree)

    def _load_tree(self, name: Digest) -> Tree:
        return Tree.decode(self.store.get(ObjectName("trees", name)))


def _built_on(opened: CommitOpened, head: CommitId | None) -> CommitId | None:
    """The commit below: the branch's head, or the base where the branch is born by this commit."""
    return opened.base if head is None else head


def _refuse_wrong_size(entry: Entry, actual: int) -> None:
    if entry.size_bytes != actual:
        raise TreeSizeError(name=entry.name, said=entry.size_bytes, actual=actual)
