"""The four ways in which zlib's deflate turns bytes into literals and matches.

Promises: the same literals and matches as zlib's at every level, so that a packed project file (S4.5) comes
out bit by bit as it was. Each way is a generator that stops wherever it needs more of the content.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from itertools import repeat

from .blocks import MATCH_SHIFT, BlockWriter
from .window import DISTANCE_MAX, LOOKAHEAD_BYTES_MIN, MATCH_BYTES_MAX, MATCH_BYTES_MIN, Window

NO_MATCH = MATCH_BYTES_MIN - 1
SHORT_MATCH_BYTES_MAX = 5
"""With the strategy for filtered content matches up to this length are not worth it."""
SHORT_MATCH_DISTANCE_MAX = 4096
"""From farther back a match of three bytes costs more than its literals."""
NEAR_STEPS_MAX = 128
"""Of a longer chain the rest is searched for, 4 times faster than step by step where that is slowest."""
Parsing = Generator[None, None, None]


@dataclass(frozen=True, slots=True)
class Effort:
    """How hard a level tries (zlib's configuration table)."""

    good_bytes: int
    """A match this long makes the search for a better one four times shorter."""
    lazy_bytes: int
    """A match this long is not bettered; on greedy levels: a longer one is not linked."""
    nice_bytes: int
    """A match this long ends the search."""
    steps: int
    """So many places of a chain are tried."""


class Symbols:
    """The literals and matches of the block that is being filled."""

    def __init__(self, window: Window, writer: BlockWriter, count_max: int) -> None:
        self.pending = list[int]()
        self.count_max = count_max
        self._window = window
        self._writer = writer

    def end_block(self, place: int, *, is_last: bool = False) -> None:
        """Writes all up to `place`."""
        self._writer.write(self.pending, self._window.block(place), is_last=is_last)
        self.pending.clear()


def lazily(window: Window, symbols: Symbols, effort: Effort, *, is_filtered: bool) -> Parsing:
    """Levels 4 to 9: a match is taken only if none longer begins one byte later."""
    pending, count_max, content, chains = symbols.pending, symbols.count_max, window.content, window.chains
    place = size = distance = 0
    length, is_literal_open = NO_MATCH, False
    while True:
        if size - place < LOOKAHEAD_BYTES_MIN:
            place = yield from window.look_ahead(place)
            size = len(content)
            if place == size:
                break
        length_before, distance_before, length = length, distance, NO_MATCH
        before = chains[place]
        if before and length_before < effort.lazy_bytes and place - before <= DISTANCE_MAX:
            steps = effort.steps >> 2 if length_before >= effort.good_bytes else effort.steps
            length, distance = longest_match(window, place, length_before, steps, effort.nice_bytes)
            if length <= SHORT_MATCH_BYTES_MAX and (is_filtered or _is_too_far(length, distance)):
                length = NO_MATCH
        if length_before >= MATCH_BYTES_MIN and length <= length_before:
            pending.append(distance_before << MATCH_SHIFT | length_before)
            place += length_before - 1
            length, is_literal_open = NO_MATCH, False
            if len(pending) == count_max:
                symbols.end_block(place)
            continue
        if is_literal_open:
            pending.append(content[place - 1])
            if len(pending) == count_max:
                symbols.end_block(place)
        is_literal_open = True
        place += 1
    if is_literal_open:
        pending.append(content[place - 1])
    symbols.end_block(place, is_last=True)


def greedily(window: Window, symbols: Symbols, effort: Effort) -> Parsing:
    """Levels 1 to 3: any match that is found is taken, and the places inside a long one join no chain."""
    pending, content = symbols.pending, window.content
    place = size = 0
    while True:
        if size - place < LOOKAHEAD_BYTES_MIN:
            place = yield from window.look_ahead(place)
            size = len(content)
            if place == size:
                break
        length, distance = NO_MATCH, 0
        before = window.link(place) if size - place >= MATCH_BYTES_MIN else 0
        if before and place - before <= DISTANCE_MAX:
            length, distance = longest_match(window, place, NO_MATCH, effort.steps, effort.nice_bytes)
        if length >= MATCH_BYTES_MIN:
            pending.append(distance << MATCH_SHIFT | length)
            if length <= effort.lazy_bytes and size - place - length >= MATCH_BYTES_MIN:
                for passed in range(place + 1, place + length):
                    window.link(passed)
            place += length
        else:
            pending.append(content[place])
            place += 1
        if len(pending) == symbols.count_max:
            symbols.end_block(place)
    symbols.end_block(place, is_last=True)


def by_runs(window: Window, symbols: Symbols) -> Parsing:
    """Strategy 3: no matches but with the byte just before."""
    pending, content = symbols.pending, window.content
    place = size = 0
    while True:
        if size - place <= MATCH_BYTES_MAX:
            place = yield from window.look_ahead(place, MATCH_BYTES_MAX + 1)
            size = len(content)
            if place == size:
                break
        ahead = content[place : place + MATCH_BYTES_MAX]
        length = len(ahead) - len(ahead.lstrip(content[place - 1 : place]))
        if length >= MATCH_BYTES_MIN:
            pending.append(1 << MATCH_SHIFT | length)
            place += length
        else:
            pending.append(content[place])
            place += 1
        if len(pending) == symbols.count_max:
            symbols.end_block(place)
    symbols.end_block(place, is_last=True)


def by_literals(window: Window, symbols: Symbols) -> Parsing:
    """Strategy 2: no matches at all."""
    place = size = 0
    while True:
        if place == size:
            place = yield from window.look_ahead(place, 1)
            size = len(window.content)
            if place == size:
                break
        symbols.pending.append(window.content[place])
        place += 1
        if len(symbols.pending) == symbols.count_max:
            symbols.end_block(place)
    symbols.end_block(place, is_last=True)


def longest_match(window: Window, place: int, length: int, steps: int, nice_bytes: int) -> tuple[int, int]:
    """Length and distance of the nearest of the longest matches that are longer than `length`; else it and 0.

    At most `steps` places of the chain are tried; `nice_bytes`, or all to the end of the content, will do.
    """
    content, triples, chains = window.content, window.triples, window.chains
    ahead = content[place : place + MATCH_BYTES_MAX]
    nice_bytes = min(nice_bytes, len(ahead))
    if length >= len(ahead):
        return length, 0
    limit = max(place - DISTANCE_MAX, 0)
    offset = length - 2
    candidate, triple, distance = chains[place], triples[place + offset], 0
    for _ in repeat(None, min(steps, NEAR_STEPS_MAX)):
        if triples[candidate + offset] == triple:
            common = _common_bytes(content[candidate : candidate + len(ahead)], ahead)
            if common > length:
                length, distance = common, place - candidate
                if length >= nice_bytes:
                    break
                offset = length - 2
                triple = triples[place + offset]
        candidate = chains[candidate]
        if candidate <= limit:
            break
    else:
        if steps > NEAR_STEPS_MAX:
            farther = _farther_match(window, place, candidate, length, steps, nice_bytes)
            return farther if farther[1] else (length, distance)
    return length, distance


def _farther_match(
    window: Window, place: int, candidate: int, length: int, steps: int, nice_bytes: int
) -> tuple[int, int]:
    """The same from `candidate` on, by searching: where chains are long, every place is in its chain."""
    content, ranks = window.content, window.ranks
    ahead = content[place : place + MATCH_BYTES_MAX]
    start, rank_min, distance = max(place - DISTANCE_MAX, 0) + 1, ranks[place] - steps, 0
    while length < nice_bytes:
        candidate = content.rfind(ahead[: length + 1], start, candidate + length + 1)
        if candidate < 0 or ranks[candidate] < rank_min:
            break
        length = _common_bytes(content[candidate : candidate + len(ahead)], ahead)
        distance = place - candidate
        candidate -= 1
    return length, distance


def _common_bytes(one: bytearray, other: bytearray) -> int:
    """How many bytes at the front of two contents of one size are the same."""
    if one == other:
        return len(one)
    difference = int.from_bytes(one, "little") ^ int.from_bytes(other, "little")
    return ((difference & -difference).bit_length() - 1) // 8


def _is_too_far(length: int, distance: int) -> bool:
    return length == MATCH_BYTES_MIN and distance > SHORT_MATCH_DISTANCE_MAX
