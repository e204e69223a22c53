"""Every error has a code, a kind, a message that its facts fill in, and is found by its code."""

from __future__ import annotations

import inspect
import re
from string import Formatter
from typing import get_args

from domain import errors
from domain.errors import DitsError, Kind, by_code

CLASSES = [
    cls
    for _, cls in inspect.getmembers(errors, inspect.isclass)
    if issubclass(cls, DitsError) and cls is not DitsError
]


def test_every_error_ends_in_error_and_says_what_a_caller_can_do() -> None:
    for cls in CLASSES:
        assert cls.__name__.endswith("Error"), cls
        assert cls.kind in get_args(Kind), cls
        assert re.fullmatch(r"[A-Z][A-Z_]+", cls.code), cls


def test_every_message_can_be_filled_in_from_its_facts() -> None:
    for cls in CLASSES:
        doc = cls.__doc__
        template = (doc or cls.mro()[1].__doc__ or "").split("\n")[0]
        facts = {name: "x" for _, name, _, _ in Formatter().parse(template) if name}
        assert "{" not in cls(**facts).message, cls


def test_several_problems_are_told_as_words() -> None:
    assert errors.InvalidBodyError(problems=("a: no", "b: no")).message.endswith("a: no; b: no")


def test_an_error_is_found_again_by_its_code() -> None:
    for cls in CLASSES:
        found = by_code(cls.code)
        assert found is not None
        assert issubclass(cls, found), cls


def test_a_code_that_nobody_has_finds_nothing() -> None:
    assert by_code("NO_SUCH_CODE") is None


def test_one_code_means_one_kind_of_trouble() -> None:
    kinds: dict[str, set[str]] = {}
    for cls in CLASSES:
        kinds.setdefault(cls.code, set()).add(cls.kind)
    assert {code: kind for code, kind in kinds.items() if len(kind) > 1} == {}
