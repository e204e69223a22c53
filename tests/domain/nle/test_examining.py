"""A project is known by its content, its media are listed, and another version stays shut (S4.5)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from domain.format.media.source import BytesSource
from domain.nle.detecting import detect, may_be_project
from domain.nle.examining import examine
from domain.nle.project import REFERENCE_CHARS_MAX, REFERENCES_MAX
from tests.domain.nle.making import (
    PATHS,
    aepx,
    aftereffects,
    examined,
    fcpx,
    premiere,
    premiere_xml,
    resolve,
    resolve_members,
    zipped,
)

SUPPORTED = [
    ("premiere", "24.0", premiere),
    ("premiere", "24.0", premiere_xml),
    ("resolve", "19", resolve),
    ("fcpx", "10.6", fcpx),
    ("aftereffects", "2024", aftereffects),
    ("aftereffects", "2024", aepx),
]
OTHERS = {
    "empty": b"",
    "text": b"no project",
    "gzip of no project": b"\x1f\x8b\x08" + bytes(40),
    "zip of no project": zipped({"a.txt": "a"}),
    "zip with another document": zipped({"project.xml": "<project/>"}),
    "RIFX of Director": b"RIFX\0\0\0\4MV93",
    "XML of Final Cut 7": b"<?xml version='1.0'?><xmeml version='5'/>",
    "RIFF": b"RIFF\4\0\0\0WAVE",
}


@pytest.mark.parametrize(("nle", "version", "make"), SUPPORTED)
def test_a_project_is_known_and_read(nle: str, version: str, make: Callable[[], bytes]) -> None:
    project = examined(make())
    assert (project.nle, project.version, project.is_supported) == (nle, version, True)
    assert [path.removeprefix("file://") for path in project.references] == list(PATHS)
    assert project.is_complete
    assert not project.is_opaque


@pytest.mark.parametrize(("nle", "version", "make"), SUPPORTED)
def test_its_first_bytes_are_worth_a_look(nle: str, version: str, make: Callable[[], bytes]) -> None:
    assert may_be_project(make()[:16])
    assert detect(BytesSource(make())) == nle


@pytest.mark.parametrize("content", OTHERS.values(), ids=OTHERS)
def test_another_file_is_no_project(content: bytes) -> None:
    assert examine(BytesSource(content)) is None


@pytest.mark.parametrize(
    ("content", "told", "version"),
    [
        (premiere("43"), "43", "25.0"),
        (premiere("7777"), "7777", None),
        (premiere(""), "", None),
        (resolve("20.1.0.0020"), "20.1.0.0020", "20"),
        (resolve("none"), "", None),
        (fcpx("1.13"), "1.13", "11.0"),
        (fcpx("2.0"), "2.0", None),
        (aftereffects(26), "26.1.2", "2026"),
        (aepx(30), "30.1.2", None),
    ],
)
def test_another_version_is_named_and_stays_shut(content: bytes, told: str, version: str | None) -> None:
    project = examined(content)
    assert (project.told_version, project.version) == (told, version)
    assert (project.is_supported, project.is_opaque, project.is_complete) == (False, True, False)
    assert project.references == ()


@pytest.mark.parametrize("cut", [-2000, -9, -1])
def test_a_project_cut_short_says_so(cut: int) -> None:
    content = premiere(paths=[f"/film/{number:05}.mov" for number in range(500)])
    project = examined(content[:cut])
    assert project.trouble
    assert project.is_opaque
    assert not project.is_complete


def test_a_path_is_told_once_and_as_it_stands() -> None:
    paths = [r"C:\Film &amp; Ton\Ä.mov", r"C:\Film &amp; Ton\Ä.mov", "B.mov"]
    assert examined(premiere(paths=paths)).references == (r"C:\Film & Ton\Ä.mov", "B.mov")


def test_paths_outside_of_media_do_not_count() -> None:
    project = examined(premiere(more="<Preview><FilePath>/tmp/cache.mov</FilePath></Preview>"))
    assert project.references == PATHS


def test_more_references_than_the_limit_are_left_out_and_that_is_told() -> None:
    project = examined(premiere(paths=[f"{number}.mov" for number in range(REFERENCES_MAX + 1)]))
    assert (len(project.references), project.is_complete) == (REFERENCES_MAX, False)


@pytest.mark.parametrize("chars", [REFERENCE_CHARS_MAX + 1, 100_000])
def test_a_reference_longer_than_any_path_is_left_out(chars: int) -> None:
    project = examined(premiere(paths=["a" * chars, "b.mov"]))
    assert (project.references, project.is_complete, project.trouble) == (("b.mov",), False, "")


def test_a_stored_archive_is_read_like_a_packed_one() -> None:
    assert examined(zipped(resolve_members(), method=0)) == examined(resolve())


def test_the_older_place_of_a_final_cut_asset_is_read() -> None:
    content = b'<fcpxml version="1.8"><resources><asset id="r1" src="file:///a.mov"/></resources></fcpxml>'
    assert examined(content).references == ("file:///a.mov",)


def test_a_project_in_another_encoding_is_read() -> None:
    content = premiere_xml().decode().replace("UTF-8", "UTF-16").encode("utf-16")
    assert examined(content) == examined(premiere_xml())


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (premiere("43"), "25.0"),
        (premiere("24.0"), "file says 24.0"),
        (premiere("&#10;4&#x202e;2"), "24.0"),
        (premiere("1" * 99), f"file says {'1' * 32}"),
        (resolve("19"), "19"),
        (resolve("none"), "unknown"),
    ],
)
def test_what_a_file_says_is_never_taken_for_a_word_of_the_table(content: bytes, told: str) -> None:
    assert examined(content).version_told == told


def test_references_are_told_as_far_as_they_fit() -> None:
    project = examined(premiere(paths=["Ä.mov", "b.mov", "c.mov"]))
    assert project.first_references(11) == ("Ä.mov", "b.mov")
    assert project.first_references(5) == ()
