"""What a push finds on a disk: names, refusals, and nothing left out in silence."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.client.errors import NoSuchFileError, PathRefusedError, PathsCollideError
from gateway.client.format.paths import broken_path_rule
from gateway.client.walking import committed_path, find


def put(file: Path, content: bytes = b"x") -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return file


def test_a_path_below_the_root_keeps_its_path_from_there(tmp_path: Path) -> None:
    put(tmp_path / "reels" / "one.mov")
    assert [each.path for each in find([tmp_path / "reels"], tmp_path).files] == ["reels/one.mov"]


def test_a_path_outside_of_the_root_lands_under_its_own_name(tmp_path: Path) -> None:
    card = put(tmp_path / "card" / "clip.mov").parent
    found = find([card / "clip.mov", card], tmp_path / "work")
    assert [each.path for each in found.files] == ["card/clip.mov", "clip.mov"]
    assert found.directories == ("card",)


def test_decomposed_names_are_pushed_composed(tmp_path: Path) -> None:
    put(tmp_path / unicodedata.normalize("NFD", "Szene-Über.mov"))
    (found,) = find([tmp_path], tmp_path).files
    assert found.path == unicodedata.normalize("NFC", "Szene-Über.mov")


def test_nothing_is_left_out_in_silence(tmp_path: Path) -> None:
    put(tmp_path / "a.mov")
    (tmp_path / "link").symlink_to("a.mov")
    (tmp_path / "void").mkdir()
    os.mkfifo(tmp_path / "pipe")
    put(tmp_path / ".dits-0123.part")
    found = find([tmp_path], tmp_path)
    assert [each.path for each in found.files] == ["a.mov"]
    assert {each.path for each in found.skipped} == {"link", "void", "pipe", ".dits-0123.part"}


def test_a_link_to_a_directory_is_not_walked(tmp_path: Path) -> None:
    put(tmp_path / "outside" / "secret")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "way").symlink_to(tmp_path / "outside")
    found = find([tmp_path / "in"], tmp_path / "in")
    assert [each.path for each in found.skipped] == ["way"]
    assert found.files == ()


@pytest.mark.parametrize("name", ["a\nb", "a\\b", "a\u202eb"])
def test_a_name_that_breaks_a_rule_is_an_error(tmp_path: Path, name: str) -> None:
    put(tmp_path / name)
    with pytest.raises(PathRefusedError):
        find([tmp_path], tmp_path)


@pytest.mark.parametrize(("one", "other"), [("a.mov", "A.mov"), ("Reel/a", "reel/b")])
def test_names_that_differ_in_case_alone_collide(tmp_path: Path, one: str, other: str) -> None:
    put(tmp_path / one)
    put(tmp_path / other)
    with pytest.raises(PathsCollideError):
        find([tmp_path], tmp_path)


def test_a_path_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(NoSuchFileError):
        find([tmp_path / "nothing"], tmp_path)


@given(st.text(min_size=1, max_size=20))
def test_every_committed_path_is_in_normal_form(name: str) -> None:
    path = committed_path(Path("/base") / name.replace("/", "_"), Path("/base"))
    rule = broken_path_rule(path)
    assert rule is None or "normal form" not in rule
