"""The blocks of a deflated stream: symbols in, bits out, in the cheapest of the three ways (RFC 1951, 3.2.3).

Promises: the choice between stored, fixed and dynamic codes and the description of the codes are those of
zlib's deflate, so that a packed project file (S4.5) comes out bit by bit as it was.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from .huffman import code_lengths, codes

MATCH_SHIFT = 9
"""A symbol is a byte, or `distance << 9 | length` of a match: of 3 to 258 bytes, at most 32 KiB back."""
MATCH_MASK = (1 << MATCH_SHIFT) - 1
END_OF_BLOCK = 256
LITERAL_CODES, DISTANCE_CODES, LENGTH_CODES = 286, 30, 19
CODE_BITS_MAX, LENGTH_CODE_BITS_MAX = 15, 7

EXTRA_LENGTH_BITS = (0,) * 8 + tuple(code // 4 - 1 for code in range(8, 28)) + (0,)
EXTRA_DISTANCE_BITS = (0,) * 4 + tuple(code // 2 - 1 for code in range(4, DISTANCE_CODES))
EXTRA_BITS = (0,) * (END_OF_BLOCK + 1) + EXTRA_LENGTH_BITS

REPEAT, ZEROS, MANY_ZEROS = 16, 17, 18
REPEAT_BITS = {REPEAT: 2, ZEROS: 3, MANY_ZEROS: 7}
LENGTHS_SENT = (16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15)
"""The order in which the lengths of the length codes are written (RFC 1951, 3.2.7)."""

FIXED_LITERAL_LENGTHS = (8,) * 144 + (9,) * 112 + (7,) * 24 + (8,) * 8
FIXED_DISTANCE_LENGTHS = (5,) * DISTANCE_CODES

STORED, FIXED, DYNAMIC = 0, 1, 2
STORED_HEAD_BYTES = 4


def number(value: int, width: int) -> str:
    """A number as the bits that are written: least significant first."""
    return f"{value:0{width}b}"[::-1] if width else ""


class BlockWriter:
    """Writes one block after another; what does not fill a byte waits for the next."""

    def __init__(self, *, is_always_fixed: bool) -> None:
        self._is_always_fixed = is_always_fixed
        self._waiting = ""
        self._written = bytearray()

    def write(self, symbols: Sequence[int], content: bytes | None, *, is_last: bool) -> None:
        """One block of these symbols; `content` is what they stand for, if the window still holds it."""
        block = Block(symbols)
        fixed_bytes = (block.fixed_bits + 10) // 8
        dynamic_bytes = (block.dynamic_bits + 10) // 8
        best_bytes = fixed_bytes if self._is_always_fixed else min(fixed_bytes, dynamic_bytes)
        if content is not None and len(content) + STORED_HEAD_BYTES <= best_bytes:
            self._store(content, is_last=is_last)
        elif best_bytes == fixed_bytes:
            self._put(number(is_last | FIXED << 1, 3) + block.fixed())
        else:
            self._put(number(is_last | DYNAMIC << 1, 3) + block.dynamic())
        if is_last:
            self._fill_byte()

    def taken(self) -> bytes:
        """What was written since the last call."""
        taken = bytes(self._written)
        self._written.clear()
        return taken

    def _store(self, content: bytes, *, is_last: bool) -> None:
        self._put(number(is_last | STORED << 1, 3))
        self._fill_byte()
        size = len(content)
        self._written += size.to_bytes(2, "little") + (size ^ 0xFFFF).to_bytes(2, "little") + content

    def _put(self, bits: str) -> None:
        bits = self._waiting + bits
        whole = len(bits) // 8 * 8
        if whole:
            self._written += int(bits[whole - 1 :: -1], 2).to_bytes(whole // 8, "little")
        self._waiting = bits[whole:]

    def _fill_byte(self) -> None:
        self._put("0" * (-len(self._waiting) % 8))


class Block:
    """The symbols of one block, and what they cost in bits by either kind of codes."""

    def __init__(self, symbols: Sequence[int]) -> None:
        self._symbols = symbols
        self._distinct = Counter(symbols)
        self._literals, self._distances = [0] * LITERAL_CODES, [0] * DISTANCE_CODES
        self._count()
        self._literal_lengths = code_lengths(self._literals, CODE_BITS_MAX)
        self._distance_lengths = code_lengths(self._distances, CODE_BITS_MAX)
        self._head = _described(self._literal_lengths, self._distance_lengths)
        self.dynamic_bits = len(self._head) + self._cost(self._literal_lengths, self._distance_lengths)
        self.fixed_bits = self._cost(FIXED_LITERAL_LENGTHS, FIXED_DISTANCE_LENGTHS)

    def fixed(self) -> str:
        """All bits of the block but its first three, by the codes of RFC 1951, 3.2.6."""
        return self._coded(FIXED_LITERAL_LENGTHS, FIXED_DISTANCE_LENGTHS)

    def dynamic(self) -> str:
        """All bits of the block but its first three, by codes of its own, which it describes."""
        return self._head + self._coded(self._literal_lengths, self._distance_lengths)

    def _count(self) -> None:
        for symbol, count in self._distinct.items():
            if symbol < END_OF_BLOCK:
                self._literals[symbol] = count
            else:
                self._literals[length_code(symbol & MATCH_MASK)] += count
                self._distances[distance_code(symbol >> MATCH_SHIFT)] += count
        self._literals[END_OF_BLOCK] = 1

    def _cost(self, literal_lengths: Sequence[int], distance_lengths: Sequence[int]) -> int:
        literals = zip(self._literals, literal_lengths, EXTRA_BITS, strict=False)
        distances = zip(self._distances, distance_lengths, EXTRA_DISTANCE_BITS, strict=False)
        return sum(count * (length + extra) for count, length, extra in (*literals, *distances))

    def _coded(self, literal_lengths: Sequence[int], distance_lengths: Sequence[int]) -> str:
        literals, distances = codes(literal_lengths), codes(distance_lengths)
        bits = {
            symbol: literals[symbol]
            if symbol < END_OF_BLOCK
            else _length_bits(symbol & MATCH_MASK, literals)
            + _distance_bits(symbol >> MATCH_SHIFT, distances)
            for symbol in self._distinct
        }
        return "".join(map(bits.__getitem__, self._symbols)) + literals[END_OF_BLOCK]


def length_code(length: int) -> int:
    """Of a match's 3 to 258 bytes: 257 to 285 (RFC 1951, 3.2.5)."""
    if length == 258:
        return 285
    extra = max((length - 3).bit_length() - 3, 0)
    return 257 + (extra << 2) + (length - 3 >> extra)


def distance_code(distance: int) -> int:
    """Of 1 to 32,768 bytes back: 0 to 29 (RFC 1951, 3.2.5)."""
    extra = max((distance - 1).bit_length() - 2, 0)
    return (extra << 1) + (distance - 1 >> extra)


def _length_bits(length: int, literals: Sequence[str]) -> str:
    code = length_code(length)
    width = EXTRA_BITS[code]
    return literals[code] + number(length - 3 & (1 << width) - 1, width)


def _distance_bits(distance: int, distances: Sequence[str]) -> str:
    code = distance_code(distance)
    width = EXTRA_DISTANCE_BITS[code]
    return distances[code] + number(distance - 1 & (1 << width) - 1, width)


def _described(literal_lengths: Sequence[int], distance_lengths: Sequence[int]) -> str:
    """The head of a dynamic block: both codes' lengths, in runs, themselves coded (RFC 1951, 3.2.7)."""
    runs = [*_runs(literal_lengths), *_runs(distance_lengths)]
    counts = Counter(code for code, _ in runs)
    lengths = code_lengths([counts[code] for code in range(LENGTH_CODES)], LENGTH_CODE_BITS_MAX)
    lengths += [0] * (LENGTH_CODES - len(lengths))
    sent = max(4, *(place + 1 for place, code in enumerate(LENGTHS_SENT) if lengths[code]))
    written = codes(lengths)
    return "".join(
        (
            number(len(literal_lengths) - 257, 5),
            number(len(distance_lengths) - 1, 5),
            number(sent - 4, 4),
            *(number(lengths[code], 3) for code in LENGTHS_SENT[:sent]),
            *(written[code] + number(value, REPEAT_BITS.get(code, 0)) for code, value in runs),
        )
    )


def _runs(lengths: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Lengths as zlib runs them together: a length, or a code for many and how many beyond its fewest."""
    before, count = -1, 0
    for length, following in zip(lengths, [*lengths[1:], -1], strict=True):
        count += 1
        if length == following and count < _run_max(length, before):
            continue
        yield from _run(length, count, is_repeated=length == before)
        before, count = length, 0


def _run_max(length: int, before: int) -> int:
    if length == 0:
        return 138
    return 6 if length == before else 7


def _run(length: int, count: int, *, is_repeated: bool) -> Iterator[tuple[int, int]]:
    if count < (3 if length == 0 or is_repeated else 4):
        yield from ((length, 0),) * count
    elif length:
        if not is_repeated:
            yield length, 0
            count -= 1
        yield REPEAT, count - 3
    else:
        yield (ZEROS, count - 3) if count <= 10 else (MANY_ZEROS, count - 11)
