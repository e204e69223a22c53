"""Promises that are visible in the source: I3, errors, decision pages, links, nothing of one machine."""

from __future__ import annotations

import ast
import re
import string
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from domain import errors as every_error
from domain.errors import DitsError, Kind
from tests.house.source import ROOT, expect_none, product, tracked_texts

DELETING = re.compile(r"delete|remove|unlink|purge|erase|drop|discard|prune|expire|rmtree|trash")
ERROR_HOMES = ("domain/errors/", "domain/format/errors.py", "gateway/errors.py", "gateway/client/")
DECISION_PARTS = ("## Context", "## Decision", "## Consequences")
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
OF_ONE_MACHINE = re.compile(
    r"(?<![\w./:-])/(?:work|root|home/\w+|Users/\w+)(?:/|\b)|--(?:extra-)?index-url|files\.pythonhosted|"
    r"pypi\.[a-z]+/|registry\.npmjs|proxy\.golang"
)
HERE = "tests/house/test_contracts.py"
ALL_ERRORS = sorted(
    {cls for cls in vars(every_error).values() if isinstance(cls, type) and issubclass(cls, DitsError)},
    key=lambda cls: cls.__name__,
)


def test_an_object_store_has_no_way_to_delete_an_object() -> None:
    """I3 until the collector comes: no public method of the port or of an adapter takes an object away."""
    found = [
        f"{module.at(member)} {member.name}"
        for module in product()
        if module.path == "domain/ports.py" or module.path.startswith("infra/objects/")
        for node in module.classes()
        if node.name.endswith(("Store", "Objects", "Contents"))
        for member in node.body
        if isinstance(member, ast.FunctionDef)
        and not member.name.startswith("_")
        and DELETING.search(member.name)
    ]
    expect_none(found)


def test_the_object_store_port_is_there_to_be_checked() -> None:
    ports = next(module for module in product() if module.path == "domain/ports.py")
    assert "ObjectStore" in {node.name for node in ports.classes()}


@pytest.mark.parametrize("error", ALL_ERRORS, ids=lambda cls: cls.__name__)
def test_an_error_has_a_message_a_code_and_a_kind(error: type[DitsError]) -> None:
    assert error.__doc__
    assert re.fullmatch(r"[A-Z][A-Z0-9_]*", error.code)
    assert error.kind in get_args(Kind)
    fields = [
        name for _, name, _, _ in string.Formatter().parse(error.__doc__.split("\n")[0]) if name is not None
    ]
    assert all(name.isidentifier() for name in fields)


def test_a_code_is_given_to_one_error() -> None:
    """A subclass that gives no code of its own shares its parent's."""
    codes = Counter(error.code for error in ALL_ERRORS if "code" in vars(error))
    assert {code for code, count in codes.items() if count > 1} == set()


def test_an_error_with_a_code_of_its_own_is_born_among_the_errors() -> None:
    """A package may tell its own failures apart; what others see has one of these codes (style rule 15)."""
    names = {error.__name__ for error in ALL_ERRORS}
    strays = [
        f"{module.at(node)} {node.name}"
        for module in product()
        if not module.path.startswith(ERROR_HOMES)
        for node in module.classes()
        if any(isinstance(base, ast.Name) and base.id in names for base in node.bases) and _gives_a_code(node)
    ]
    expect_none(strays)


def decisions() -> list[Path]:
    return sorted((ROOT / "docs/decisions").glob("*.md"))


@pytest.mark.parametrize("page", decisions(), ids=lambda page: page.stem)
def test_a_decision_tells_context_decision_and_consequences(page: Path) -> None:
    text = page.read_text()
    assert re.fullmatch(r"\d{4}-[a-z0-9-]+", page.stem)
    assert text.startswith(f"# {page.stem[:4]} ")
    places = [text.find(f"\n{part}\n") for part in DECISION_PARTS]
    assert -1 not in places
    assert places == sorted(places)


def test_a_decision_has_a_number_of_its_own() -> None:
    numbers = Counter(page.stem[:4] for page in decisions())
    assert [number for number, count in numbers.items() if count > 1] == []


def test_every_link_in_the_docs_leads_somewhere() -> None:
    broken = [f"{path}: {link}" for path, link in links() if not _resolves(ROOT / path, link)]
    expect_none(broken)


def links() -> Iterator[tuple[str, str]]:
    for path, text in tracked_texts():
        if path.endswith(".md"):
            prose = re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.DOTALL)
            for match in LINK.finditer(prose):
                yield path, match[1] or match[2]


def test_nothing_of_one_machine_is_in_the_project() -> None:
    found = [
        f"{path}:{text.count(chr(10), 0, match.start()) + 1} {match[0]}"
        for path, text in tracked_texts()
        if path != HERE
        for match in OF_ONE_MACHINE.finditer(text)
    ]
    expect_none(found)


def _gives_a_code(node: ast.ClassDef) -> bool:
    targets = [target for line in node.body if isinstance(line, ast.Assign) for target in line.targets]
    return any(isinstance(target, ast.Name) and target.id == "code" for target in targets)


def _resolves(page: Path, link: str) -> bool:
    if re.match(r"[a-z]+:", link):
        return True
    name, _, anchor = link.partition("#")
    target = page if not name else page.parent / name
    if not target.exists():
        return False
    return not anchor or anchor in _anchors(target)


def _anchors(page: Path) -> set[str]:
    """GitHub's slugs: lower case, punctuation dropped, blanks to hyphens."""
    headings = re.findall(r"^#+ +(.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
