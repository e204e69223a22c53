"""What recipes, trees and manifests share: one encoding, and no belief in damaged bytes (seed S1.2)."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.format.codec import OBJECT_BYTES_MAX, seal
from domain.format.digest import digest_of
from domain.format.errors import FormatError, ManifestCorruptionError
from domain.format.manifest import Manifest
from domain.format.recipe import Recipe
from domain.format.tree import Tree
from tests import strategies

StoredObject = Recipe | Tree | Manifest

objects: st.SearchStrategy[StoredObject] = st.one_of(
    strategies.recipes(), strategies.packed_recipes(), strategies.trees, strategies.manifests
)


@given(objects)
def test_what_was_encoded_decodes_to_the_same(value: StoredObject) -> None:
    encoded = value.encode()
    assert type(value).decode(encoded) == value
    assert value.digest == digest_of(encoded)


@given(objects)
def test_every_proper_prefix_is_corrupted(value: StoredObject) -> None:
    encoded = value.encode()
    for size in range(len(encoded)):
        with pytest.raises(ManifestCorruptionError, match="Checksum mismatch - partial write detected"):
            type(value).decode(encoded[:size])


@given(objects, st.data())
def test_every_flipped_bit_is_corrupted(value: StoredObject, data: st.DataObject) -> None:
    encoded = bytearray(value.encode())
    bit = data.draw(st.integers(0, len(encoded) * 8 - 1))
    encoded[bit // 8] ^= 1 << bit % 8
    with pytest.raises(ManifestCorruptionError):
        type(value).decode(bytes(encoded))


@pytest.mark.long
def test_each_bit_of_a_recipe_flipped_is_corrupted() -> None:
    encoded = Recipe.opaque(()).encode()
    for bit in range(len(encoded) * 8):
        damaged = bytearray(encoded)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(ManifestCorruptionError):
            Recipe.decode(bytes(damaged))


@given(objects, st.binary(min_size=1, max_size=40))
def test_bytes_behind_the_trailer_are_corrupted(value: StoredObject, more: bytes) -> None:
    with pytest.raises(ManifestCorruptionError):
        type(value).decode(value.encode() + more)


@given(objects, st.binary(min_size=1, max_size=40))
def test_bytes_between_body_and_trailer_are_refused(value: StoredObject, more: bytes) -> None:
    encoded = value.encode()
    magic, body = encoded[:4], encoded[5:-32]
    with pytest.raises(FormatError):
        type(value).decode(seal(magic, body + more))  # type: ignore[arg-type]


@given(st.binary(max_size=200), st.sampled_from((Recipe, Tree, Manifest)))
def test_any_body_is_refused_or_has_this_one_encoding(body: bytes, cls: type[StoredObject]) -> None:
    magics = {Recipe: b"DITR", Tree: b"DITT", Manifest: b"DITM"}
    encoded = seal(magics[cls], body)  # type: ignore[arg-type]
    try:
        value = cls.decode(encoded)
    except FormatError:
        return
    assert value.encode() == encoded


@given(objects, st.data())
def test_a_byte_changed_under_a_right_trailer_is_refused_or_another_value(
    value: StoredObject, data: st.DataObject
) -> None:
    encoded = value.encode()
    magic, body = encoded[:4], bytearray(encoded[5:-32])
    body[data.draw(st.integers(0, len(body) - 1))] ^= data.draw(st.integers(1, 255))
    changed = seal(magic, bytes(body))  # type: ignore[arg-type]
    try:
        other = type(value).decode(changed)
    except FormatError:
        return
    assert other != value
    assert other.encode() == changed


@pytest.mark.parametrize("cls", [Recipe, Tree, Manifest])
def test_an_oversize_object_is_refused_before_it_is_hashed(cls: type[StoredObject]) -> None:
    with pytest.raises(FormatError, match="at most"):
        cls.decode(bytes(OBJECT_BYTES_MAX + 1))


def test_random_bytes_are_corrupted() -> None:
    with pytest.raises(ManifestCorruptionError):
        Manifest.decode(os.urandom(500))
