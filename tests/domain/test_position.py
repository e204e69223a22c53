"""A position is one opaque string to clients, and nothing else is taken for one."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InvalidPositionError
from domain.position import Position

positions = st.builds(
    Position,
    st.binary(min_size=8, max_size=8).map(bytes.hex),
    st.integers(0, 2**64 - 1),
    st.binary(min_size=32, max_size=32),
)


@given(positions)
def test_a_position_decodes_to_what_was_encoded(position: Position) -> None:
    assert Position.decode(position.encode()) == position


@given(positions)
def test_a_position_fits_into_a_header_and_a_url(position: Position) -> None:
    text = position.encode()
    assert len(text) == 64
    assert all(char.isascii() and (char.isalnum() or char in "-_") for char in text)


@given(st.text(max_size=80))
def test_any_text_is_a_position_or_is_refused(text: str) -> None:
    with suppress(InvalidPositionError):
        assert Position.decode(text).encode() == text


@pytest.mark.parametrize(
    "text", ["", "0", "a" * 63, "a" * 65, "a" * 64 + "=", "ä" * 64, "+" * 64, "a b" * 22]
)
def test_what_encode_did_not_make_is_refused(text: str) -> None:
    with pytest.raises(InvalidPositionError):
        Position.decode(text)
