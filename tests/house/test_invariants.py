"""`docs/invariants.md` and `docs/scenarios.md` stay true: what they name is there, and nothing is missing."""

from __future__ import annotations

import re

import pytest

from tests.house.source import ROOT

PAGE = (ROOT / "docs/invariants.md").read_text()
SCENARIOS = (ROOT / "docs/scenarios.md").read_text()
SECTIONS = re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]
MENTIONED = re.findall(r"`((?:tests|domain|projections|workers|gateway|infra)/[\w/.]+)(?:::(\w+))?`", PAGE)
S_COUNTS = (5,) * 8
V_COUNTS = (5, 5, 4, 5, 4, 3, 5, 3, 3, 3)
"""How many scenarios each chapter of the two documents has."""
STATES = {"yes", "mostly", "partial", "later"}


@pytest.mark.parametrize(("path", "name"), MENTIONED, ids="::".join)
def test_what_the_invariants_mention_is_there(path: str, name: str) -> None:
    assert (ROOT / path).exists()
    assert not name or re.search(rf"(def|class) {name}\b|^{name} =", (ROOT / path).read_text(), re.MULTILINE)


def test_every_invariant_has_a_section() -> None:
    assert [section.split(":")[0] for section in SECTIONS] == [f"I{number}" for number in range(1, 12)]


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.split(":")[0])
def test_every_invariant_names_a_test_that_kills_its_violation(section: str) -> None:
    assert re.search(r"^- `tests/", section, re.MULTILINE)


def test_every_scenario_has_a_line_and_an_honest_state() -> None:
    expected = [f"S{chapter}.{n}" for chapter, count in enumerate(S_COUNTS, 1) for n in range(1, count + 1)]
    expected += [f"V{chapter}.{n}" for chapter, count in enumerate(V_COUNTS, 1) for n in range(1, count + 1)]
    lines = re.findall(r"^\| ([SV]\d+\.\d+) \| [^|]+ \| (\w+) \|", SCENARIOS, re.MULTILINE)
    assert [number for number, _ in lines] == expected
    assert {state for _, state in lines} <= STATES
