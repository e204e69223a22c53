"""Is a body what the table says? Given members only; what is not named may be anything.

Promises: pure; every difference is told with the place where it is; nothing is ever found right by default.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from tests.scenarios.api.table import SENT
from tests.scenarios.api.words import ABSENT, Absent, Known, echoes, fits, mentions

COUNTED = re.compile(r"count\(([^=()]+)=([^()]*)\)")
ITEM = "version_id"
"""What marks an entry of a list of versions."""
SHOWN_CHARACTERS_MAX = 200

Findings = list[str]


def findings(expected: object, found: object, known: Known, at: str = "body") -> Findings:
    """Every way in which `found` is not what is expected; empty if it is."""
    if isinstance(expected, Mapping):
        return _of_mapping(expected, found, known, at)
    if isinstance(expected, list):
        return _of_list(expected, found, known, at)
    if expected is None:
        return [] if found is None else [_differs(at, "null", found)]
    if expected == SENT["provided_value"]:
        sent = known.versions_sent
        return [] if echoes(found, sent) else [_differs(at, f"one of {sent!r}", found)]
    if expected == SENT["source"]:
        named = known.sources_sent
        return [] if found in named else [_differs(at, f"one of {named!r}", found)]
    if isinstance(expected, str):
        name = at.rpartition(".")[2]
        return [] if fits(expected, found, known, at=name) else [_differs(at, expected, found)]
    is_alike = isinstance(expected, bool) == isinstance(found, bool)
    return [] if is_alike and expected == found else [_differs(at, expected, found)]


def exact_findings(expected: Mapping[str, Any], found: object, known: Known) -> Findings:
    """The given members and no other."""
    others = sorted(found.keys() - expected.keys()) if isinstance(found, Mapping) else []
    more = [f"body has more than that: {', '.join(others)}"] if others else []
    return [*findings(expected, found, known), *more]


def keys_findings(expected: list[str], found: object) -> Findings:
    """Each entry of the body's list has these members and no other."""
    entries = [each for each in mappings(found) if ITEM in each]
    if not entries:
        return [f"no entry with {ITEM} in {_shown(found)}"]
    wrong = [each for each in entries if set(each) != set(expected)]
    return [f"entry {_shown(each)} has not just {', '.join(expected)}" for each in wrong]


def versions_findings(expected: Mapping[str, Any], found: object, known: Known) -> Findings:
    """`{v1: current}`: that version's status; any other name is a member of the body."""
    entries = {each[ITEM]: each for each in mappings(found) if ITEM in each}
    told: Findings = []
    for name, value in expected.items():
        if name in entries and not isinstance(value, Mapping):
            told += findings(value, entries[name].get("status", ABSENT), known, f"status of {name}")
        elif name in entries:
            told += findings(value, entries[name], known, name)
        elif isinstance(found, Mapping) and (name in found or COUNTED.fullmatch(name)):
            told += findings({name: value}, found, known)
        else:
            told.append(_differs(name, value, ABSENT))
    return told


def mappings(value: object) -> Iterator[Mapping[str, Any]]:
    """Every mapping in it, however deep, itself too."""
    if isinstance(value, Mapping):
        yield value
        for each in value.values():
            yield from mappings(each)
    elif isinstance(value, list):
        for each in value:
            yield from mappings(each)


def texts(value: object) -> Iterator[str]:
    """Every text in it, names of members too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name, each in value.items():
            yield from (name, *texts(each))
    elif isinstance(value, list):
        for each in value:
            yield from texts(each)


def holds(found: object, wanted: object, known: Known) -> bool:
    """`contains`: a text anywhere, or a mapping anywhere that has those members."""
    if isinstance(wanted, Mapping):
        return any(not findings(wanted, each, known) for each in mappings(found))
    if isinstance(wanted, list):
        return all(holds(found, each, known) for each in wanted)
    return any(mentions(text, str(wanted)) for text in texts(found))


def _of_mapping(expected: Mapping[str, Any], found: object, known: Known, at: str) -> Findings:
    told: Findings = []
    for name, value in expected.items():
        if name == "contains":
            told += (
                [] if holds(found, value, known) else [f"{at} does not contain {value!r}: {_shown(found)}"]
            )
        elif name == "not_contains":
            wanted = value if isinstance(value, list) else [value]
            told += [f"{at} contains {each!r}" for each in wanted if holds(found, each, known)]
        elif match := COUNTED.fullmatch(str(name)):
            count = sum(str(each.get(match[1].strip())) == match[2].strip() for each in mappings(found))
            told += findings(value, count, known, f"{at}.{name}")
        elif isinstance(found, Mapping):
            told += findings(value, found.get(str(name), ABSENT), known, f"{at}.{name}")
        else:
            told.append(_differs(f"{at}.{name}", value, ABSENT))
    return told


def _of_list(expected: list[Any], found: object, known: Known, at: str) -> Findings:
    if not isinstance(found, list) or len(found) != len(expected):
        return [_differs(at, expected, found)]
    pairs = zip(expected, found, strict=True)
    return [told for n, (one, other) in enumerate(pairs) for told in findings(one, other, known, f"{at}.{n}")]


def _differs(at: str, expected: object, found: object) -> str:
    return f"{at} should be {expected!r}, is {_shown(found)}"


def _shown(value: object) -> str:
    return "missing" if isinstance(value, Absent) else repr(value)[:SHOWN_CHARACTERS_MAX]
