"""The import contracts of pyproject.toml cover what they are about: a new module cannot slip past them."""

from __future__ import annotations

import ast
import re
import tomllib
from typing import Any

from tests.house.source import ROOT, expect_none, product

TOP_OF_INFRA = {"infra.cli", "infra.compose", "infra.catalogue_docs"}


def contracts() -> list[dict[str, Any]]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    found: list[dict[str, Any]] = settings["tool"]["importlinter"]["contracts"]
    return found


def test_every_part_of_infra_stands_on_a_floor() -> None:
    named = str(contracts())
    parts = {".".join(module.path.removesuffix(".py").split("/")[:2]) for module in product()}
    infra = {part for part in parts if part.startswith("infra.") and part != "infra.__init__"}
    expect_none(sorted(part for part in infra - TOP_OF_INFRA if f"'{part}'" not in named))


def test_every_aggregate_is_kept_from_the_others() -> None:
    apart = next(rule["modules"] for rule in contracts() if rule["name"].startswith("Aggregates"))
    aggregates = {
        ".".join(module.path.removesuffix(".py").split("/")[:2])
        for module in product()
        if module.path.startswith("domain/")
        for node in module.tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign) and re.match(r"DECIDER\b", ast.unparse(node))
    }
    expect_none(sorted(aggregates.symmetric_difference(apart)))
