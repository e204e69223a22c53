"""Manifests: limits of their texts. Their encoding is tested in test_objects and test_vectors."""

from __future__ import annotations

import pytest

from domain.format.errors import FormatError
from domain.format.manifest import MESSAGE_BYTES_MAX, Manifest


def with_message(message: str) -> Manifest:
    return Manifest(None, (), "ada", message, 0)


def test_the_longest_message_is_kept() -> None:
    longest = "\u00e9" * (MESSAGE_BYTES_MAX // 2)
    assert Manifest.decode(with_message(longest).encode()).message == longest


@pytest.mark.parametrize("message", ["m" * (MESSAGE_BYTES_MAX + 1), "\0", "\x1b[2J", "\x85", "\udc00"])
def test_a_message_against_the_rules_is_refused(message: str) -> None:
    with pytest.raises(FormatError, match="message"):
        with_message(message)


@pytest.mark.parametrize("author", ["", "a" * 257, "a\tb", "\ud800"])
def test_an_author_against_the_rules_is_refused(author: str) -> None:
    with pytest.raises(FormatError, match="author"):
        Manifest(None, (), author, "", 0)
