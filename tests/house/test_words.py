"""Style rules 1-5 and 24-28: names that say something, modules that explain themselves."""

from __future__ import annotations

import ast
import re

from tests.house.source import Function, expect_none, modules, product, tracked_texts

FILLERS = (
    "Updated",
    "Changed",
    "Status",
    "Data",
    "Info",
    "Manager",
    "Helper",
    "Util",
    "Utils",
    "Service",
    "Base",
)
FILLER_CLASS = re.compile(rf"(?:{'|'.join((*FILLERS, 'Abstract'))})(?![a-z])")
FROM_THE_TABLES = frozenset(
    {"DefaultVersionChanged", "VersionStatusChanged", "ReadinessChanged", "ChangedFile", "ChangedFiles"}
)
"""Names in the acceptance tables are contracts and stand."""
FILLER_MODULES = frozenset(
    {
        "utils",
        "util",
        "common",
        "helpers",
        "helper",
        "misc",
        "types",
        "manager",
        "service",
        "base",
        "data",
        "info",
    }
)
FILLER_FUNCTION = re.compile(r"(?:^|_)(?:util|utils|helper|manager|misc|dummy|foo|tmp)(?:_|$)")
LATER = re.compile(rf"\b(?:{'|'.join(('TO' + 'DO', 'FIX' + 'ME', 'HA' + 'CK', 'X' * 3))})\b")
WORDS_OF_A_SENTENCE_MIN = 3


def test_no_class_has_a_filler_name() -> None:
    fillers = [
        f"{module.at(node)} {node.name}"
        for module in modules()
        for node in module.classes()
        if node.name not in FROM_THE_TABLES and FILLER_CLASS.search(node.name)
    ]
    expect_none(fillers)


def test_no_module_has_a_filler_name() -> None:
    names = [(module.path, re.split(r"[/.]", module.path)[-2]) for module in modules()]
    assert [path for path, name in names if name in FILLER_MODULES] == []


def test_no_function_has_a_filler_name() -> None:
    fillers = [
        f"{module.at(node)} {node.name}"
        for module in modules()
        for node in module.functions()
        if FILLER_FUNCTION.search(node.name)
    ]
    expect_none(fillers)


def test_every_module_says_what_it_is() -> None:
    """An empty `__init__.py` of a folder of tests has nothing to say."""
    silent = [
        module.path
        for module in modules()
        if ast.get_docstring(module.tree) is None and not (module.is_test and not module.text)
    ]
    expect_none(silent)


def test_every_protocol_says_what_callers_may_rely_on() -> None:
    silent = [
        module.at(node)
        for module in product()
        for node in module.classes()
        if any(isinstance(base, ast.Name) and base.id == "Protocol" for base in node.bases)
        and ast.get_docstring(node) is None
        and len(node.body) > 1
    ]
    expect_none(silent)


def test_the_name_of_a_test_is_a_sentence() -> None:
    """But for cases that a library's own suite names."""
    terse = [
        f"{module.at(node)} {node.name}"
        for module in modules()
        if module.is_test
        for node in module.tree.body
        if isinstance(node, Function)
        and node.name.startswith("test_")
        and len(node.name.split("_")) - 1 < WORDS_OF_A_SENTENCE_MIN
    ]
    expect_none(terse)


def test_nothing_is_left_for_later() -> None:
    found = [
        f"{path}:{text.count(chr(10), 0, match.start()) + 1}"
        for path, text in tracked_texts()
        for match in LATER.finditer(text)
    ]
    expect_none(found)


def test_an_error_ends_in_error_and_an_event_does_not() -> None:
    wrong = [
        f"{module.at(node)} {node.name}"
        for module in product()
        for node in module.classes()
        for base in node.bases
        if isinstance(base, ast.Name) and base.id == "DitsError" and not node.name.endswith("Error")
    ]
    expect_none(wrong)
