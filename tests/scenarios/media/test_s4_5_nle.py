"""S4.5: a project is known by its content; a version outside the table is kept as bytes and named."""

from __future__ import annotations

import gzip
import tracemalloc
from collections.abc import Callable

import pytest

from domain.asset.events import NleProjectParsed, NleProjectStoredOpaque
from domain.format.media.source import BytesSource
from domain.format.packing.unpacking import RATIO_FREE_BYTES
from domain.format.recipe import ChunkRef, Recipe
from domain.nle.examining import examine
from domain.nle.project import NleProject
from domain.nle.versions import SUPPORTED
from tests.domain.nle.making import PATHS, aepx, aftereffects, examined, fcpx, premiere, premiere_xml, resolve
from tests.scenarios.media.committing import Committed, committed

PREMIERE = {"14.0": "38", "15.0": "39", "22.0": "40", "23.0": "41", "24.0": "42"}
FINAL_CUT = {"10.4": "1.8", "10.5": "1.9", "10.6": "1.10", "10.7": "1.11"}
AFTER_EFFECTS = {"2020": 17, "2021": 18, "2022": 22, "2023": 23, "2024": 24}
LISTED = [
    *(("premiere", version, premiere(told)) for version, told in PREMIERE.items()),
    *(("resolve", version, resolve(f"{version}.1.0.0007")) for version in ("16", "17", "18", "19")),
    *(("fcpx", version, fcpx(told)) for version, told in FINAL_CUT.items()),
    *(("aftereffects", version, aftereffects(major)) for version, major in AFTER_EFFECTS.items()),
]
NEWER = [
    ("premiere", "25.0", premiere("43")),
    ("resolve", "20", resolve("20.0.1.0006")),
    ("fcpx", "11.0", fcpx("1.13")),
    ("aftereffects", "2025", aftereffects(25)),
]
UNKNOWN = [premiere("9999"), premiere(""), resolve("?"), fcpx("7"), aftereffects(31), aepx(3)]
BOMB = premiere(more=f"<Keyframes>{' ' * (RATIO_FREE_BYTES * 2)}</Keyframes>")

ENTITY = b'<!DOCTYPE fcpxml [<!ENTITY x SYSTEM "file:///etc/hostname">]>'
XXE = fcpx().replace(b"<!DOCTYPE fcpxml>", ENTITY)


def is_stored_unchanged(made: Committed, content: bytes) -> bool:
    """The recipe of what was committed is that of these very bytes."""
    (told,) = [*made.told(NleProjectParsed), *made.told(NleProjectStoredOpaque)]
    return getattr(told, "recipe", None) == Recipe.opaque([ChunkRef.of(content)]).digest


def test_s4_5_the_version_table_is_exactly_the_seeds() -> None:
    assert SUPPORTED == {
        "premiere": ("14.0", "15.0", "22.0", "23.0", "24.0"),
        "resolve": ("16", "17", "18", "19"),
        "fcpx": ("10.4", "10.5", "10.6", "10.7"),
        "aftereffects": ("2020", "2021", "2022", "2023", "2024"),
    }


@pytest.mark.parametrize(("nle", "version", "content"), LISTED)
def test_s4_5_a_project_of_a_listed_version_is_read(nle: str, version: str, content: bytes) -> None:
    project = examined(content)
    assert (project.nle, project.version, project.is_supported) == (nle, version, True)
    assert [path.removeprefix("file://") for path in project.references] == list(PATHS)


@pytest.mark.parametrize(("nle", "version", "content"), NEWER)
def test_s4_5_a_project_of_a_newer_version_is_named_and_opaque(
    nle: str, version: str, content: bytes
) -> None:
    project = examined(content)
    assert (project.nle, project.version_told, project.is_supported) == (nle, version, False)
    assert (project.is_opaque, project.references) == (True, ())


@pytest.mark.parametrize("content", UNKNOWN)
def test_s4_5_a_project_of_an_unknown_version_is_opaque(content: bytes) -> None:
    project = examined(content)
    assert (project.version, project.is_supported, project.is_opaque) == (None, False, True)


def test_s4_5_a_listed_version_is_recorded_with_its_media() -> None:
    content = premiere("42")
    made = committed(content)
    (parsed,) = made.told(NleProjectParsed)
    assert isinstance(parsed, NleProjectParsed)
    assert (parsed.nle, parsed.version, parsed.references) == ("premiere", "24.0", PATHS)
    assert made.answer.status_code == 201
    assert is_stored_unchanged(made, content)


@pytest.mark.parametrize(("content", "version"), [(premiere("43"), "25.0"), (BOMB, "24.0")])
def test_s4_5_what_cannot_be_read_is_committed_opaque_with_its_bytes_unchanged(
    content: bytes, version: str
) -> None:
    made = committed(content)
    (opaque,) = made.told(NleProjectStoredOpaque)
    assert isinstance(opaque, NleProjectStoredOpaque)
    assert (made.answer.status_code, opaque.nle, opaque.version) == (201, "premiere", version)
    assert is_stored_unchanged(made, content)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (fcpx("1.13"), "fcpx 11.0, its version is not supported"),
        (fcpx("7"), "fcpx file says 7, its version is not supported"),
        (BOMB, "premiere 24.0, it unpacks to over 200 times its size"),
        (premiere()[:-20], "premiere 24.0, it ends in the middle of a packed stream"),
        (XXE, "fcpx unknown, its XML declares entities or refers to a document outside"),
    ],
)
def test_s4_5_why_it_is_opaque_is_recorded_and_told(content: bytes, words: str) -> None:
    made = committed(content)
    (opaque,) = made.told(NleProjectStoredOpaque)
    (warning,) = made.body["warnings"]
    assert warning["warning"] == f"Stored opaque: {words}"
    assert isinstance(opaque, NleProjectStoredOpaque)
    assert words.endswith(f", {opaque.reason}")


def test_s4_5_a_bomb_of_a_listed_version_counts_as_supported() -> None:
    """S4.5: supported is said of the version."""
    assert committed(BOMB).counted("dits_nle_projects_total") == {("premiere", "yes"): 1}


@pytest.mark.parametrize("make", [premiere, premiere_xml, resolve, fcpx, aftereffects, aepx])
def test_s4_5_a_renamed_extension_changes_nothing(make: Callable[[], bytes]) -> None:
    """`committed` calls every file a.mov, and nothing that looks at a project is told a name."""
    made = committed(make())
    assert len(made.told(NleProjectParsed)) == 1


def test_s4_5_a_file_with_a_projects_name_and_other_content_is_none() -> None:
    assert examine(BytesSource(gzip.compress(b"<html/>"))) is None


def test_s4_5_unpacking_is_bounded_in_size_and_memory() -> None:
    tracemalloc.start()
    try:
        project = examined(BOMB)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert project == NleProject("premiere", "42", PATHS, trouble="it unpacks to over 200 times its size")
    assert peak_bytes < 4 * 1024 * 1024
