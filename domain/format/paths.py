"""What a path in a tree may look like: the one place of the rule, for server and client.

Promises: an allowed path has one spelling, leads nowhere but down, and stays allowed with every later Unicode
(`docs/formats.md`, Tree).
"""

from __future__ import annotations

import unicodedata

PATH_BYTES_MAX = 1024
"""Of a whole path and so of a name: every system we check out to takes this much. Bounds the depth to 512."""

_INVISIBLE = frozenset({"Cc", "Cf", "Zl", "Zp"})


def broken_path_rule(text: str) -> str | None:
    """The first rule that a relative, ``/``-separated path breaks; None if it is a path."""
    if not text:
        return "a path is not empty"
    if any(segment in {"", ".", ".."} for segment in text.split("/")):
        return "a path has no empty, '.' or '..' segment and does not begin or end with /"
    if "\\" in text:
        return "a path is separated by /, not by a backslash"
    if text.isascii() and text.isprintable() and len(text) <= PATH_BYTES_MAX:
        return None
    return _broken_character_rule(text)


def broken_name_rule(text: str) -> str | None:
    """The same for one segment, as a tree's entry is called."""
    return "a name holds no /" if "/" in text else broken_path_rule(text)


def case_key(path: str) -> str:
    """Two paths with equal keys cannot live side by side on a case-insensitive disk."""
    return path.lower() if path.isascii() else unicodedata.normalize("NFC", path.casefold())


def _broken_character_rule(text: str) -> str | None:
    try:
        size_bytes = len(text.encode())
    except UnicodeEncodeError:
        return "a path is valid Unicode"
    if size_bytes > PATH_BYTES_MAX:
        return f"a path has at most {PATH_BYTES_MAX} bytes"
    categories = {unicodedata.category(char) for char in text}
    if categories & _INVISIBLE:
        return "a path holds no control or invisible characters"
    if "Cn" in categories:
        return f"a path holds only characters of Unicode {unicodedata.unidata_version}"
    if not unicodedata.is_normalized("NFC", text):
        return "a path is in Unicode normal form C"
    return None
