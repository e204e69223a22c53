"""After Effects' chunks, from hands that mean no good (S4.5)."""

from __future__ import annotations

import pytest

from domain.format.media.source import BytesSource
from domain.nle import aftereffects as reader
from domain.nle.project import Findings
from tests.domain.nle.making import PATHS, aepx, aftereffects, alias, chunk, examined, head_chunk


def project(*chunks: bytes) -> bytes:
    return chunk(b"RIFX", b"Egg!" + chunk(b"head", head_chunk(24)) + b"".join(chunks))


def nested(depth: int) -> bytes:
    content = b""
    for _ in range(depth):
        content = chunk(b"LIST", b"Fold" + content)
    return content


def test_lists_nested_too_deep_are_refused() -> None:
    assert not examined(project(nested(reader.DEPTH_MAX - 1))).trouble
    assert "deep" in examined(project(nested(reader.DEPTH_MAX))).trouble


def test_a_chunk_longer_than_its_list_is_refused() -> None:
    inner = b"alas" + (1000).to_bytes(4, "big")
    assert "longer than the list" in examined(project(chunk(b"LIST", b"Als2" + inner))).trouble


def test_a_file_that_ends_before_its_chunks_is_refused() -> None:
    assert examined(aftereffects()[:200]).trouble == "it ends before its chunks do"


def test_empty_chunks_end_as_well() -> None:
    assert not examined(project(chunk(b"tdsb", b"") * 50_000)).trouble


def test_chunks_of_odd_length_are_padded() -> None:
    path = chunk(b"alas", alias("/a.mov") + b" ")
    assert examined(project(chunk(b"tdsb", b"odd"), path, path)).references == ("/a.mov",)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[" * 60_000,
        b"[]",
        b'{"fullpath": 1}',
        b'{"fullpath": "\\ud800"}',
        b'{"fullpath": "a\\u0000"}',
        b"\xff",
        b" " * (reader.ALIAS_BYTES_MAX + 1),
    ],
)
def test_an_alias_that_says_no_place_makes_the_list_incomplete(content: bytes) -> None:
    found = examined(project(chunk(b"alas", content), chunk(b"alas", alias("/a.mov"))))
    assert (found.references, found.is_complete, found.trouble) == (("/a.mov",), False, "")


def test_a_head_that_is_too_short_tells_no_version() -> None:
    found = examined(chunk(b"RIFX", b"Egg!" + chunk(b"head", b"1234567")))
    assert (found.told_version, found.version, found.is_opaque) == ("", None, True)


def test_a_version_of_the_wild_is_read() -> None:
    """Published bytes of a project that After Effects CC 2019 saved."""
    findings = Findings("aftereffects")
    head = bytes.fromhex("005d00040b400e30800000000000000d0000009b")
    content = chunk(b"RIFX", b"Egg!" + chunk(b"head", head))
    reader.read(BytesSource(content), findings)
    assert findings.as_project().version == "2019"


def test_no_hexadecimal_is_no_head() -> None:
    assert examined(aepx().replace(b'head bdata="00', b'head bdata="zz')).told_version == ""


def test_both_forms_of_a_project_tell_the_same() -> None:
    assert examined(aepx()) == examined(aftereffects())
    assert examined(aepx()).references == PATHS
