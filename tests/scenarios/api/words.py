"""The words in which a table says values: in a request what is sent, in an expectation what must come (R51).

Promises: pure; a word that is not known is the literal text it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

CONTROLS = {"CRLF": "\r\n", "CR": "\r", "LF": "\n", "TAB": "\t", "SP": " ", "NUL": "\0"}
CONTROL = re.compile(r"<(CRLF|CR|LF|TAB|SP|NUL)>")
TIMES = re.compile(r"(\d[\d,_]*) x (\S.*)", re.DOTALL)
INNER_TIMES = re.compile(r"<(\d[\d,_]*) x ([^>]+)>")
INNER_LENGTH = re.compile(r"<(\d[\d,_]*) (?:chars|characters)>")
SIZE = re.compile(r"(\d+) (B|bytes|KiB|MiB)")
SIZES = {"B": 1, "bytes": 1, "KiB": 1 << 10, "MiB": 1 << 20}
UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
COMPARED = re.compile(r"(<=|>=|<|>|=)\s*(-?\d+(?:\.\d+)?)")
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
VERSION_ID = re.compile(r"v\d+(?:-[a-z]+)?")
ECHOED_CHARACTERS_MAX = 64
"""Of a client's value that is said again (R40)."""


class Absent:
    """Nothing stands where something was looked for."""

    def __repr__(self) -> str:
        return "nothing"


ABSENT = Absent()


@dataclass(frozen=True, slots=True)
class Known:
    """What a value may refer to: the answer's other parts, what was sent, and what was there before."""

    named: Callable[[str], object] = lambda _: ABSENT
    """A header or a member of the body by its name; ABSENT if there is none."""
    sent: frozenset[str] = frozenset()
    """Values of the request: a fresh one is none of them."""
    versions_sent: tuple[str, ...] = ()
    sources_sent: tuple[str, ...] = ()
    """Of these: header, url, query."""
    before: Mapping[str, object] = field(default_factory=dict[str, object])
    """What `unchanged` members were."""


# ------------------------------------------------------------------ what is sent
def expanded(value: object) -> str:
    """The text to send for a value of a request: `1025 x v`, `<200 chars>`, `a<CR>b`, `17 KiB`."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if match := TIMES.fullmatch(text):
        return _count(match[1]) * match[2]
    if match := SIZE.fullmatch(text):
        return int(match[1]) * SIZES[match[2]] * "x"
    text = INNER_TIMES.sub(lambda match: _count(match[1]) * match[2], text)
    text = INNER_LENGTH.sub(lambda match: _count(match[1]) * "x", text)
    return CONTROL.sub(lambda match: CONTROLS[match[1]], text)


def _count(text: str) -> int:
    return int(text.replace(",", "").replace("_", ""))


# ------------------------------------------------------------------ what must come
def fits(expected: str, found: object, known: Known, *, at: str = "") -> bool:
    """Is `found` what the word or the literal text says? `at` is the member's name, for `unchanged`."""
    test = _word(expected, known, at)
    if test is not None:
        return test(found)
    return not isinstance(found, Absent) and _text(found) == expected


def _word(expected: str, known: Known, at: str) -> Callable[[object], bool] | None:
    simple: dict[str, Callable[[object], bool]] = {
        "present": lambda found: not isinstance(found, Absent) and found is not None,
        "absent": lambda found: isinstance(found, Absent) or found is None,
        "int": lambda found: isinstance(found, int) and not isinstance(found, bool),
        "UUIDv4": lambda found: UUID4.fullmatch(_text(found)) is not None,
        "fresh UUIDv4": lambda found: (
            UUID4.fullmatch(_text(found)) is not None and _text(found) not in known.sent
        ),
        "unchanged": lambda found: not isinstance(found, Absent) and found == known.before.get(at, ABSENT),
    }
    if expected in simple:
        return simple[expected]
    if expected.startswith("contains "):
        return lambda found: _contains(expected.removeprefix("contains "), found)
    comparisons = [COMPARED.fullmatch(part.strip()) for part in expected.split(" and ")]
    if all(comparisons):
        return lambda found: all(_compares(match[1], match[2], found) for match in comparisons if match)
    if expected.startswith("= "):
        return lambda found: _equals(expected.removeprefix("= "), found, known, at)
    if match := TIMES.fullmatch(expected):
        return lambda found: _text(found) in (_count(match[1]) * match[2], expected)
    if expected.endswith(".."):
        return lambda found: _text(found).startswith(expected.removesuffix(".."))
    return None


def _contains(wanted: str, found: object) -> bool:
    """`a and b` is both, if it is not there as it stands."""
    if isinstance(found, Absent):
        return False
    text = _text(found)
    return wanted in text or all(part in text for part in wanted.split(" and "))


def _compares(sign: str, number: str, found: object) -> bool:
    text = _text(found)
    if not NUMBER.fullmatch(text):
        return False
    given, bound = float(text), float(number)
    return {
        "<": given < bound,
        "<=": given <= bound,
        ">": given > bound,
        ">=": given >= bound,
        "=": given == bound,
    }[sign]


def _equals(wanted: str, found: object, known: Known, at: str) -> bool:
    """`= X`: what stands under that name in the answer, else the text itself; `= X, word` is both."""
    first, comma, rest = wanted.partition(", ")
    if comma and _word(rest, known, at) is not None:
        return _equals(first, found, known, at) and fits(rest, found, known, at=at)
    named = known.named(wanted)
    return not isinstance(found, Absent) and _text(found) == (
        wanted if isinstance(named, Absent) else _text(named)
    )


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None or isinstance(value, Absent) else str(value)


def echoes(found: object, sent: tuple[str, ...]) -> bool:
    """Is it one of the values sent, as it may be said again: trimmed, escaped, cut (R40)?"""
    allowed = {text for value in sent for text in (value, value.strip(" \t"))}
    allowed |= {escaped(text) for text in allowed}
    allowed |= {text[:ECHOED_CHARACTERS_MAX] for text in allowed}
    return isinstance(found, str) and found in allowed


def escaped(text: str) -> str:
    return text.encode("unicode_escape").decode()


def mentions(text: str, wanted: str) -> bool:
    """Does it occur? A version's id as a whole word only: `v1` is not in `v10` or `v1-beta`."""
    if VERSION_ID.fullmatch(wanted):
        return re.search(rf"(?<![A-Za-z0-9-]){re.escape(wanted)}(?![A-Za-z0-9-])", text) is not None
    return wanted in text
