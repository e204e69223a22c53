"""Which versions of which programs are supported, and how a file's own number becomes one of those words.

The table is the seed's (S4.5). No program writes those words into its files; what they write, and how sure
it is what it means, is told in `docs/media-projects.md`. Where public lists contradict each other a number
has no word here: then the version is not known, and the project is kept as bytes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

SUPPORTED: Mapping[str, tuple[str, ...]] = {
    "premiere": ("14.0", "15.0", "22.0", "23.0", "24.0"),
    "resolve": ("16", "17", "18", "19"),
    "fcpx": ("10.4", "10.5", "10.6", "10.7"),
    "aftereffects": ("2020", "2021", "2022", "2023", "2024"),
}

_PREMIERE = {
    "32": "11.0",
    "34": "12.0",
    "36": "13.0",
    "38": "14.0",
    "39": "15.0",
    "40": "22.0",
    "41": "23.0",
    "42": "24.0",
    "43": "25.0",
    "44": "26.0",
}
"""`Version` of the element Project. Lists disagree on 33, 35, 37 and 45."""
_FINAL_CUT = {
    "1.7": "10.4",
    "1.8": "10.4",
    "1.9": "10.5",
    "1.10": "10.6",
    "1.11": "10.7",
    "1.12": "10.8",
    "1.13": "11.0",
    "1.14": "12.0",
}
"""`version` of the element fcpxml: of the format, which a program also writes on demand for older ones."""
_AFTER_EFFECTS = {
    "14": "2017",
    "15": "2018",
    "16": "2019",
    "17": "2020",
    "18": "2021",
    "22": "2022",
    "23": "2023",
    "24": "2024",
    "25": "2025",
    "26": "2026",
}
"""The program's major version, out of the chunk head. There was no 19, 20 or 21."""
_RESOLVE = re.compile(r"([1-9][0-9]?)(?:\.[0-9]+)*", re.ASCII)
"""The program's version, of which the table's word is the first number."""


def word_for(nle: str, told: str) -> str | None:
    """The table's word, or a word of its kind, for what a file says; None if that is not known."""
    match nle:
        case "premiere":
            return _PREMIERE.get(told)
        case "fcpx":
            return _FINAL_CUT.get(told)
        case "aftereffects":
            return _AFTER_EFFECTS.get(told.split(".", maxsplit=1)[0])
        case _:
            found = _RESOLVE.fullmatch(told)
            return found[1] if found else None


def is_supported(nle: str, version: str | None) -> bool:
    return version in SUPPORTED[nle]
