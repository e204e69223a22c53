"""Whatever a file holds: looking at it ends with an answer, within the limits (S4.5)."""

from __future__ import annotations

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.format.media.source import BytesSource
from domain.nle.examining import examine
from domain.nle.project import REFERENCES_MAX
from domain.nle.versions import SUPPORTED
from tests.domain.nle.making import aepx, aftereffects, fcpx, premiere, premiere_xml, resolve

FILES = [premiere(), premiere_xml(), resolve(), fcpx(), aftereffects(), aepx()]
STARTS = [b"", b"\x1f\x8b\x08", b"PK\3\4", b"RIFX\0\0\1\0Egg!", b"<?xml version='1.0'?>", b"<fcpxml "]


def check(content: bytes) -> None:
    project = examine(BytesSource(content))
    if project is not None:
        assert project.nle in SUPPORTED
        assert len(project.references) <= REFERENCES_MAX
        assert project.is_supported or not project.references
        assert project.is_complete <= (not project.is_opaque)


@given(st.sampled_from(STARTS), st.binary(max_size=400))
def test_any_bytes_are_looked_at(start: bytes, rest: bytes) -> None:
    check(start + rest)
    check(gzip.compress(start + rest))


@given(st.sampled_from(FILES), st.data())
def test_a_project_with_any_piece_replaced_is_looked_at(file: bytes, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(file)))
    stop = data.draw(st.integers(start, len(file)))
    check(file[:start] + data.draw(st.binary(max_size=40)) + file[stop:])


@given(st.sampled_from(FILES), st.lists(st.tuples(st.integers(0, 2**16), st.integers(0, 255)), max_size=6))
def test_a_project_with_any_bytes_changed_is_looked_at(file: bytes, changes: list[tuple[int, int]]) -> None:
    content = bytearray(file)
    for place, value in changes:
        content[place % len(content)] = value
    check(bytes(content))


@pytest.mark.parametrize("file", FILES)
def test_a_project_cut_anywhere_is_looked_at(file: bytes) -> None:
    for size in range(0, len(file), 7):
        check(file[:size])
