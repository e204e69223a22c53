"""Snapshots: looking, comparing, changing, and changing again on top; against plain dicts as the model."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import NotFoundError, PathClashError, PathCollisionError, PathConflictError
from domain.format.digest import Digest, digest_of
from domain.format.tree import Entry, Tree
from domain.ids import parse_path
from domain.snapshots import Change, apply, diff, find, rebase, walk
from tests.strategies import Snapshot, snapshots


@dataclass
class Forest:
    """Trees by name, as a store holds them; remembers what was asked of it."""

    trees: dict[Digest, Tree] = field(default_factory=dict)
    asked: list[Digest] = field(default_factory=list)

    def load(self, digest: Digest) -> Tree:
        self.asked.append(digest)
        return self.trees[digest]

    def plant(self, snapshot: Snapshot) -> Digest | None:
        return self.grow(None, *(Change(parse_path(path), None, entry) for path, entry in snapshot.items()))

    def grow(self, root: Digest | None, *changes: Change) -> Digest | None:
        root, new = apply(root, changes, self.load)
        self.trees.update((tree.digest, tree) for tree in new)
        self.asked.clear()
        return root

    def files(self, root: Digest | None) -> Snapshot:
        return dict(walk(root, self.load))


def put(path: str, content: str = "x") -> Change:
    entry = Entry(path.rpartition("/")[2], "recipe", digest_of(content.encode()), len(content))
    return Change(parse_path(path), None, entry)


def drop(path: str) -> Change:
    return Change(parse_path(path), None, None)


def by_segments(path: str) -> list[bytes]:
    return [segment.encode() for segment in path.split("/")]


@given(snapshots())
def test_a_planted_snapshot_holds_its_files_in_order(snapshot: Snapshot) -> None:
    forest = Forest()
    walked = list(walk(forest.plant(snapshot), forest.load))
    assert dict(walked) == snapshot
    assert [path for path, _ in walked] == sorted(snapshot, key=by_segments)


@given(snapshots(), st.randoms(use_true_random=False))
def test_equal_snapshots_have_one_root_whatever_the_order(snapshot: Snapshot, chance: object) -> None:
    paths = list(snapshot)
    chance.shuffle(paths)  # type: ignore[attr-defined]
    forest = Forest()
    assert forest.plant({path: snapshot[path] for path in paths}) == forest.plant(snapshot)


@given(snapshots(), snapshots())
def test_applying_a_difference_gives_the_other_snapshot(one: Snapshot, other: Snapshot) -> None:
    forest = Forest()
    base, goal = forest.plant(one), forest.plant(other)
    assert forest.grow(base, *diff(base, goal, forest.load)) == goal


@given(snapshots(), snapshots())
def test_a_difference_is_empty_exactly_if_the_roots_are_equal(one: Snapshot, other: Snapshot) -> None:
    forest = Forest()
    base, goal = forest.plant(one), forest.plant(other)
    assert (not list(diff(base, goal, forest.load))) == (base == goal) == (one == other)


@given(snapshots(), snapshots())
def test_a_difference_names_each_changed_path_once_in_order(one: Snapshot, other: Snapshot) -> None:
    forest = Forest()
    changes = list(diff(forest.plant(one), forest.plant(other), forest.load))
    changed = [path for path in one.keys() | other.keys() if one.get(path) != other.get(path)]
    assert [change.path for change in changes] == sorted(changed, key=by_segments)
    assert all(change.after == other.get(change.path) for change in changes)
    assert all(change.before == (one[p].digest if (p := change.path) in one else None) for change in changes)


@given(snapshots(), snapshots())
def test_a_directory_is_as_large_as_the_files_below(one: Snapshot, other: Snapshot) -> None:
    forest = Forest()
    base = forest.plant(one)
    root = forest.grow(base, *diff(base, forest.plant(other), forest.load))
    size_bytes = sum(entry.size_bytes for entry in other.values())
    assert (0 if root is None else forest.trees[root].size_bytes) == size_bytes


@given(snapshots())
def test_every_file_and_directory_is_found(snapshot: Snapshot) -> None:
    forest = Forest()
    root = forest.plant(snapshot)
    for path, entry in snapshot.items():
        assert find(root, path, forest.load) == entry
        assert find(root, path + "/deeper", forest.load) is None
        parent = path.rpartition("/")[0]
        assert not parent or getattr(find(root, parent, forest.load), "kind", None) == "tree"


def test_nothing_is_found_in_an_empty_snapshot() -> None:
    assert find(None, "a/b", Forest().load) is None


@given(snapshots(), snapshots(), snapshots())
def test_rebased_changes_make_both_sides_hold(base: Snapshot, ours: Snapshot, theirs: Snapshot) -> None:
    forest = Forest()
    root, our_root, their_root = (forest.plant(each) for each in (base, ours, theirs))
    try:
        changes = rebase(root, our_root, their_root, forest.load)
    except PathConflictError:
        return
    merged = forest.files(forest.grow(their_root, *changes))
    for path in base.keys() | ours.keys() | theirs.keys():
        changed = ours.get(path) != base.get(path)
        assert merged.get(path) == (ours if changed else theirs).get(path)


@given(snapshots(), snapshots())
def test_rebasing_on_an_unmoved_branch_changes_nothing(base: Snapshot, ours: Snapshot) -> None:
    forest = Forest()
    root, goal = forest.plant(base), forest.plant(ours)
    assert rebase(root, goal, root, forest.load) == tuple(diff(root, goal, forest.load))
    assert rebase(root, goal, goal, forest.load) == ()


def test_a_conflict_names_the_first_path_that_both_changed_differently() -> None:
    forest = Forest()
    base = forest.grow(None, put("a"), put("b/c"), put("d"))
    ours = forest.grow(base, put("a", "same"), put("b/c", "ours"), put("d", "ours"))
    theirs = forest.grow(base, put("a", "same"), put("b/c", "theirs"), drop("d"))
    with pytest.raises(PathConflictError) as conflict:
        rebase(base, ours, theirs, forest.load)
    assert conflict.value.facts == {"path": "b/c"}


@pytest.mark.parametrize(("our_path", "their_path"), [("a", "a/b"), ("a/b/c", "a")])
def test_a_file_here_and_a_directory_there_are_a_conflict(our_path: str, their_path: str) -> None:
    forest = Forest()
    ours, theirs = forest.grow(None, put(our_path)), forest.grow(None, put(their_path))
    with pytest.raises(PathConflictError) as conflict:
        rebase(None, ours, theirs, forest.load)
    assert conflict.value.facts == {"path": our_path}


def test_equal_snapshots_are_compared_by_their_roots_alone() -> None:
    forest = Forest()
    root = forest.grow(None, put("a/b"))
    assert list(diff(root, root, forest.load)) == []
    assert forest.asked == []


def test_equal_directories_are_never_looked_into() -> None:
    forest = Forest()
    base = forest.grow(None, put("big/a/b"), put("big/c"), put("small/d"))
    other = forest.grow(base, put("small/d", "new"))
    assert [change.path for change in diff(base, other, forest.load)] == ["small/d"]
    assert len(forest.asked) == 4


def test_only_directories_on_the_way_to_a_change_are_made_anew() -> None:
    forest = Forest()
    base = forest.grow(None, put("big/a/b"), put("big/c"), put("small/deep/d"))
    root, new = apply(base, [put("small/deep/e")], forest.load)
    assert [len(tree.entries) for tree in new] == [2, 1, 2]
    assert new[-1].digest == root


def test_an_emptied_directory_is_gone() -> None:
    forest = Forest()
    root = forest.grow(forest.grow(None, put("a/b/c"), put("d")), drop("a/b/c"))
    assert forest.files(root).keys() == {"d"}
    assert find(root, "a", forest.load) is None


def test_the_last_file_removed_leaves_no_root() -> None:
    forest = Forest()
    assert forest.grow(forest.grow(None, put("a/b")), drop("a/b")) is None


def test_no_change_makes_no_tree() -> None:
    forest = Forest()
    root = forest.grow(None, put("a/b"))
    assert apply(root, [], forest.load) == (root, ())
    assert apply(root, [put("a/b")], forest.load) == (root, ())


def test_a_file_may_give_way_to_a_directory_and_back() -> None:
    forest = Forest()
    file = forest.grow(None, put("a"))
    directory = forest.grow(file, put("a/b"), drop("a"))
    assert forest.files(directory).keys() == {"a/b"}
    assert forest.grow(directory, put("a"), drop("a/b")) == file


@pytest.mark.parametrize(("there", "new"), [("a/b", "a/b/c/d"), ("a/b/c", "a/b")])
def test_a_file_and_a_directory_of_one_name_clash(there: str, new: str) -> None:
    forest = Forest()
    root = forest.grow(None, put(there))
    with pytest.raises(PathClashError) as clash:
        apply(root, [put(new)], forest.load)
    assert clash.value.facts == {"path": "a/b"}


@pytest.mark.parametrize("path", ["b", "a", "a/c", "a/b/c", "x/y"])
def test_what_is_not_a_file_there_cannot_be_removed(path: str) -> None:
    forest = Forest()
    root = forest.grow(None, put("a/b"))
    with pytest.raises(NotFoundError) as missing:
        apply(root, [drop(path)], forest.load)
    assert missing.value.facts == {"thing": "file", "name": path}


@pytest.mark.parametrize(("new", "at", "other"), [("A/c", "a", "A"), ("a/B", "a/b", "a/B")])
def test_paths_that_differ_in_case_collide(new: str, at: str, other: str) -> None:
    forest = Forest()
    root = forest.grow(None, put("a/b"))
    with pytest.raises(PathCollisionError) as collision:
        apply(root, [put(new)], forest.load)
    assert collision.value.facts == {"path": at, "other": other}


def test_a_file_may_be_renamed_in_case() -> None:
    forest = Forest()
    root = forest.grow(forest.grow(None, put("Film.mp4")), drop("Film.mp4"), put("film.mp4"))
    assert forest.files(root).keys() == {"film.mp4"}


def test_the_deepest_path_is_walked() -> None:
    forest = Forest()
    deepest = "/".join("d" * 512)
    root = forest.grow(None, put(deepest))
    assert forest.files(root).keys() == {deepest}
    assert next(diff(root, None, forest.load)).after is None
