"""Histories that could have happened: content first, then manifests, then holders that move."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from blake3 import blake3
from hypothesis import strategies as st

from domain.asset.decider import asset_id
from domain.asset.events import RecipeSuperseded
from domain.commit.events import ManifestRecorded
from domain.ids import BranchId, CommitId, Digest, RepoId, SessionId, packed
from domain.references import DECIDER as REFERENCES
from domain.references import MoveHolder, branch_holder
from domain.session.events import RecipeRecorded, TreeRecorded
from projections.refcounts.tables import Kind
from tests.projections.handmade import HandmadeLog

REPOS = (RepoId("repo-a"), RepoId("repo-b"))
HOLDERS = tuple(branch_holder(BranchId(name)) for name in ("main", "edit", "old"))


def name(*parts: object) -> Digest:
    return Digest(blake3(repr(parts).encode()).digest())


@dataclass(slots=True)
class Story:
    """What was recorded, and the plain Python model of what must be alive."""

    log: HandmadeLog = field(default_factory=HandmadeLog)
    children: dict[Digest, list[tuple[Kind, Digest]]] = field(default_factory=dict)
    recipes: list[Digest] = field(default_factory=list)
    trees: list[Digest] = field(default_factory=list)
    manifests: list[Digest] = field(default_factory=list)
    held: dict[tuple[RepoId, str], Digest] = field(default_factory=dict)
    successors: dict[tuple[RepoId, Digest], Digest] = field(default_factory=dict)

    def recipe(self, repo: RepoId, session: str, chunks: list[int], parts: int) -> None:
        """Chunks 900.. are named like trees and recipes: a client may send such bytes as a chunk."""
        content = list(dict.fromkeys(self._chunk(number) for number in chunks))
        recipe = name("recipe", content)
        step = -(-len(content) // parts)
        for part in range(parts):
            own = content[part * step : (part + 1) * step] + content[:1] * (part > 0)
            event = RecipeRecorded(
                session=SessionId(session),
                repo=repo,
                recipe=recipe,
                size_bytes=1,
                part=part,
                parts=parts,
                chunks=packed(own),
            )
            self.log.record(f"session.{session}", event)
        self._add(self.recipes, recipe, [(Kind.CHUNK, chunk) for chunk in content])

    def tree(self, repo: RepoId, session: str, picks: list[int]) -> None:
        recipes = _picked(self.recipes, picks)
        trees = _picked(self.trees, picks[1:])
        tree = name("tree", recipes, trees)
        event = TreeRecorded(
            session=SessionId(session),
            repo=repo,
            tree=tree,
            part=0,
            parts=1,
            trees=packed(trees),
            recipes=packed(recipes),
        )
        self.log.record(f"session.{session}", event)
        children = [(Kind.RECIPE, recipe) for recipe in recipes] + [(Kind.TREE, child) for child in trees]
        self._add(self.trees, tree, children)

    def manifest(self, repo: RepoId, commit: int, picks: list[int]) -> None:
        tree = _picked(self.trees, picks[:1])
        parents = _picked(self.manifests, picks[1:])
        manifest = name("manifest", commit, tree, parents)
        event = ManifestRecorded(
            commit=CommitId(f"commit-{commit}"),
            repo=repo,
            manifest=manifest,
            tree=tree[0] if tree else None,
            parents=tuple(parents),
            head=None,
        )
        self.log.record(f"commit.commit-{commit}", event)
        children = [(Kind.MANIFEST, parent) for parent in parents] + [(Kind.TREE, root) for root in tree]
        self._add(self.manifests, manifest, children)

    def move(self, repo: RepoId, holder: str, pick: int | None) -> None:
        held = self.held.get((repo, holder))
        to = None if pick is None else next(iter(_picked(self.manifests, [pick])), None)
        state = self.log.load(REFERENCES, repo).state
        events = REFERENCES.decide(state, MoveHolder(repo, holder, held, to))
        if not events:
            return
        self.log.record(f"references.{repo}", *events)
        if to is None:
            del self.held[repo, holder]
        else:
            self.held[repo, holder] = to

    def supersede(self, repo: RepoId, old_pick: int, new_pick: int) -> None:
        """Unless it was before, or something stands for the new one, as the decider sees to it."""
        if not self.recipes:
            return
        (old,), (new,) = _picked(self.recipes, [old_pick]), _picked(self.recipes, [new_pick])
        if old == new or (repo, old) in self.successors or (repo, new) in self.successors:
            return
        self.successors[repo, old] = new
        told = RecipeSuperseded(repo=repo, old=old, new=new)
        self.log.record(f"asset.{asset_id(repo, old)}", told)

    def children_in(self, repo: RepoId, node: Digest) -> list[tuple[Kind, Digest]]:
        successor = self.successors.get((repo, node))
        if successor is None:
            return self.children[node]
        return [(Kind.RECIPE, successor), *((Kind.SPARE, chunk) for _, chunk in self.children[node])]

    def counts(self) -> dict[tuple[str, int, bytes], int]:
        """By (repository, kind, digest): live parents, and for manifests their holders."""
        counts: Counter[tuple[str, int, bytes]] = Counter()
        for repo in REPOS:
            roots = [manifest for (where, _), manifest in self.held.items() if where == repo]
            counts.update((repo, Kind.MANIFEST, manifest) for manifest in roots)
            alive, found = set[Digest](), list(roots)
            while found:
                node = found.pop()
                if node in alive:
                    continue
                alive.add(node)
                for kind, child in self.children_in(repo, node):
                    counts[repo, kind, child] += 1
                    if kind < Kind.CHUNK:
                        found.append(child)
        return {(repo, int(kind), bytes(digest)): n for (repo, kind, digest), n in counts.items()}

    def _chunk(self, number: int) -> Digest:
        lookalikes = [*self.recipes, *self.trees]
        return lookalikes[number % len(lookalikes)] if number >= 900 and lookalikes else name("chunk", number)

    def _add(self, known: list[Digest], node: Digest, children: list[tuple[Kind, Digest]]) -> None:
        if node not in self.children:
            known.append(node)
            self.children[node] = list(dict.fromkeys(children))


def _picked(known: list[Digest], picks: list[int]) -> list[Digest]:
    return list(dict.fromkeys(known[pick % len(known)] for pick in picks)) if known else []


picks = st.lists(st.integers(0, 50), max_size=4)
repos = st.sampled_from(REPOS)
sessions = st.sampled_from(("s1", "s2", "s3"))
chunks = st.lists(st.one_of(st.integers(0, 12), st.integers(900, 905)), min_size=1, max_size=6)

steps = st.one_of(
    st.tuples(st.just("recipe"), repos, sessions, chunks, st.integers(1, 3)),
    st.tuples(st.just("tree"), repos, sessions, picks),
    st.tuples(st.just("manifest"), repos, st.integers(0, 6), picks),
    st.tuples(st.just("supersede"), repos, st.integers(0, 50), st.integers(0, 50)),
    st.tuples(st.just("move"), repos, st.sampled_from(HOLDERS), st.one_of(st.none(), st.integers(0, 50))),
)


@st.composite
def stories(draw: st.DrawFn) -> Story:
    story = Story()
    for step in draw(st.lists(steps, min_size=5, max_size=40)):
        getattr(story, step[0])(*step[1:])
    return story
