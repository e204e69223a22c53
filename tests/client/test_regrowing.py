"""Trees that a client grows itself: the same as the directory they stand for."""

from __future__ import annotations

from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.client.contents import Contents
from gateway.client.errors import PathsClashError
from gateway.client.format.digest import Digest, digest_of
from gateway.client.format.tree import Tree
from gateway.client.regrowing import NewFile, regrow
from gateway.client.snapshot import Snapshot

SEGMENTS = st.sampled_from(["d1", "d2", "d3"])
PATHS = st.builds(
    lambda directories, name: "/".join([*directories, name]),
    st.lists(SEGMENTS, max_size=3),
    st.sampled_from(["a.mov", "b.mov", "c.mov"]),
)
FILES = st.builds(lambda n: NewFile(digest_of(bytes([n])), n), st.integers(0, 200))


class Store:
    """Stands for the server's trees."""

    def __init__(self) -> None:
        self.trees: dict[Digest, bytes] = {}

    def tree(self, _repo: str, digest: Digest) -> Tree:
        return Tree.decode(self.trees[digest])


def grown(store: Store, root: Digest | None, changes: dict[str, NewFile | None]) -> Snapshot:
    regrown = regrow(Snapshot(cast("Contents", store), "film", root), changes)
    store.trees.update((digest, bytes(encoded)) for digest, encoded in regrown.trees)
    return Snapshot(cast("Contents", store), "film", regrown.root)


@given(st.dictionaries(PATHS, FILES), st.dictionaries(PATHS, st.none() | FILES))
def test_a_snapshot_after_changes_holds_what_a_directory_would(
    before: dict[str, NewFile], changes: dict[str, NewFile | None]
) -> None:
    store = Store()
    first = grown(store, None, dict(before))
    second = grown(store, first.root, changes)
    wanted = {path: new for path, new in {**before, **changes}.items() if new is not None}
    assert {path: (entry.digest, entry.size_bytes) for path, entry in second.files()} == {
        path: (new.recipe, new.size_bytes) for path, new in wanted.items()
    }
    assert second.root == grown(store, None, dict(wanted)).root


def test_an_unchanged_directory_is_not_sent_again() -> None:
    store = Store()
    one = NewFile(digest_of(b"1"), 1)
    first = grown(store, None, {"a/x": one, "b/y": one})
    regrown = regrow(first, {"a/x": NewFile(digest_of(b"2"), 1)})
    assert len(regrown.trees) == 2


def test_a_directory_where_a_file_is_needs_the_file_removed() -> None:
    store = Store()
    one = NewFile(digest_of(b"1"), 1)
    first = grown(store, None, {"a": one})
    with pytest.raises(PathsClashError):
        regrow(first, {"a/x": one})
    assert [path for path, _ in grown(store, first.root, {"a": None, "a/x": one}).files()] == ["a/x"]
