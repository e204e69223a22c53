"""That one recipe stands for another: one encoding, and nothing else is believed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.format.digest import Digest
from domain.format.errors import FormatError, ManifestCorruptionError
from domain.format.succession import Succession

names = st.binary(min_size=32, max_size=32).map(Digest)


@given(st.lists(names, min_size=2, max_size=2, unique=True))
def test_a_succession_comes_back_as_it_was(pair: list[Digest]) -> None:
    made = Succession(*pair)
    assert Succession.decode(made.encode()) == made


@given(names, st.data())
def test_a_flipped_bit_is_never_believed(name: Digest, data: st.DataObject) -> None:
    encoded = bytearray(Succession(name, Digest(bytes(32 - 1) + b"\7")).encode())
    encoded[data.draw(st.integers(0, len(encoded) - 1))] ^= 1
    with pytest.raises(ManifestCorruptionError):
        Succession.decode(bytes(encoded))


def test_a_recipe_does_not_stand_for_itself() -> None:
    with pytest.raises(FormatError, match="stand for itself"):
        Succession(Digest(bytes(32)), Digest(bytes(32)))
