"""Style rules 5-7 and the house's packages: what lies where, and how large it may grow."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.house.source import PACKAGES, ROOT, body_lines, expect_none, modules, product, tracked_texts

MODULE_LINES_MAX = 400
FUNCTION_LINES_MAX = 50
TEST_LINES_MAX = 15
LIKE_ASSERT = frozenset({"require"})
"""Functions whose one subject is a condition, as `assert`'s is."""
TOP_LEVEL = frozenset(
    {
        *PACKAGES,
        "bench",
        "docs",
        "deploy",
        ".ci",
        ".gitignore",
        "pyproject.toml",
        "requirements.lock",
        "README.md",
        "Makefile",
        "CHANGELOG.md",
    }
)


def test_the_top_level_holds_what_the_house_says() -> None:
    assert {path.split("/")[0] for path, _ in tracked_texts()} <= TOP_LEVEL


def test_python_packages_at_the_top_level_are_the_six() -> None:
    assert {init.parent.name for init in ROOT.glob("*/__init__.py")} - {"bench"} == set(PACKAGES)


def test_no_module_passes_the_wall() -> None:
    long = {module.path: module.text.count("\n") for module in modules()}
    assert {path: lines for path, lines in long.items() if lines > MODULE_LINES_MAX} == {}


def test_no_function_passes_the_wall() -> None:
    long = [
        f"{module.at(node)} {node.name}: {body_lines(node)} lines"
        for module in modules()
        for node in module.functions()
        if body_lines(node) > FUNCTION_LINES_MAX
    ]
    expect_none(long)


def test_no_test_is_longer_than_fifteen_lines() -> None:
    long = [
        f"{module.at(node)} {node.name}: {body_lines(node)} lines"
        for module in modules()
        if module.is_test
        for node in module.functions()
        if node.name.startswith("test_") and body_lines(node) > TEST_LINES_MAX
    ]
    expect_none(long)


def test_a_protocol_has_at_most_ten_methods() -> None:
    wide = [
        module.at(node)
        for module in product()
        for node in module.classes()
        if any(isinstance(base, ast.Name) and base.id == "Protocol" for base in node.bases)
        and sum(isinstance(member, ast.FunctionDef | ast.AsyncFunctionDef) for member in node.body) > 10
    ]
    expect_none(wide)


def test_a_bool_parameter_is_named_at_the_call() -> None:
    """Style rule 7; but what overrides a method of a library has that one's signature."""
    positional = [
        f"{module.at(node)} {node.name}({argument.arg})"
        for module in product()
        for node in module.functions()
        if node.name not in LIKE_ASSERT and "[override]" not in module.text.split("\n")[node.lineno - 1]
        for argument in (*node.args.posonlyargs, *node.args.args)
        if isinstance(argument.annotation, ast.Name) and argument.annotation.id == "bool"
    ]
    expect_none(positional)


def test_a_module_is_not_imported_by_way_of_a_dot() -> None:
    """`from domain.lock import ...`; relative imports only where a package is shipped twice."""
    shipped_twice = ("domain/format/", "gateway/client/")
    relative = [
        module.at(node)
        for module in modules()
        if not module.path.startswith(shipped_twice)
        for node in module.nodes()
        if isinstance(node, ast.ImportFrom) and node.level > 0
    ]
    expect_none(relative)


def test_every_test_folder_is_a_package() -> None:
    folders = {Path(module.path).parent for module in modules() if module.is_test}
    assert [folder for folder in folders if not (ROOT / folder / "__init__.py").exists()] == []
