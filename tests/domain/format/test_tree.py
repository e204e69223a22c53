"""Trees and names. Their encoding is tested in test_objects and test_vectors."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InvalidPathError
from domain.format.digest import digest_of
from domain.format.errors import FormatError
from domain.format.extension import Extension
from domain.format.paths import broken_name_rule, broken_path_rule, case_key
from domain.format.tree import ENTRIES_MAX, Entry, Tree
from domain.ids import parse_path
from tests import strategies


def file(name: str, size_bytes: int = 1) -> Entry:
    return Entry(name, "recipe", digest_of(name.encode()), size_bytes)


@given(strategies.trees)
def test_every_entry_is_found_by_its_name(tree: Tree) -> None:
    assert all(tree.find(entry.name) == entry for entry in tree.entries)


@given(strategies.trees, strategies.names)
def test_a_name_that_is_not_there_is_not_found(tree: Tree, name: str) -> None:
    assert (tree.find(name) is None) == (name not in {entry.name for entry in tree.entries})


@given(strategies.trees)
def test_entries_are_in_the_order_of_their_names_bytes(tree: Tree) -> None:
    names = [entry.name.encode() for entry in tree.entries]
    assert names == sorted(names)


def test_equal_directories_have_one_name_whatever_the_order_of_making() -> None:
    assert Tree.of([file("b"), file("a")]).digest == Tree.of([file("a"), file("b")]).digest


def test_children_are_named_once_by_kind() -> None:
    a, b = file("a"), Entry("b", "tree", digest_of(b"below"), 5)
    tree = Tree.of([a, b, Entry("c", "recipe", a.digest, 1)])
    assert (tree.children("recipe"), tree.children("tree")) == ((a.digest,), (b.digest,))


def test_a_directory_is_as_large_as_its_files() -> None:
    assert Tree.of([file("a", 3), Entry("b", "tree", digest_of(b"x"), 4)]).size_bytes == 7


def test_an_oversize_extension_block_is_refused() -> None:
    with pytest.raises(FormatError, match="4096 bytes"):
        Entry("a", "recipe", digest_of(b""), 1, (Extension(1, bytes(4000)), Extension(2, bytes(100))))


@pytest.mark.long
def test_the_largest_directory_fits_into_an_object() -> None:
    tree = Tree(tuple(file(f"{i:08}.exr") for i in range(ENTRIES_MAX)))
    assert Tree.decode(tree.encode()) == tree


@pytest.mark.parametrize(
    "path",
    ["a", "a/b", "\u00e9t\u00e9/\u65e5\u672c.mp4", "\U0001f3ac.mov", "a b", "-", "a.", "...", "x" * 1024],
)
def test_a_plain_path_is_allowed(path: str) -> None:
    assert parse_path(path) == path


@pytest.mark.parametrize(
    "path",
    [
        *("", "/", "/a", "a/", "a//b", ".", "a/../b", "a/.", "a\\b"),
        *("a\0", "\x7f", "a\u200bb", "a\u2029", "e\u0301", "a\ud800", "\ufffe", "\u0378", "\U000e0001"),
        *("x" * 1025, "\u00e9" * 513),
    ],
)
def test_a_path_against_the_rules_is_refused(path: str) -> None:
    with pytest.raises(InvalidPathError):
        parse_path(path)


@given(st.lists(st.text(max_size=5), min_size=1, max_size=4))
def test_a_path_is_allowed_if_its_names_are(segments: list[str]) -> None:
    allowed = all(broken_name_rule(segment) is None for segment in segments)
    assert (broken_path_rule("/".join(segments)) is None) == allowed or any("/" in s for s in segments)


@pytest.mark.parametrize(("one", "other"), [("A", "a"), ("STRASSE", "stra\u00dfe"), ("\u00c9", "\u00e9")])
def test_names_that_fold_alike_have_one_case_key(one: str, other: str) -> None:
    assert case_key(one) == case_key(other)
    with pytest.raises(FormatError, match="letter case"):
        Tree.of([file(one), file(other)])


@given(st.text(st.characters(max_codepoint=127)))
def test_the_short_cut_for_ascii_folds_the_same(name: str) -> None:
    assert case_key(name) == name.casefold()
