"""A reader of bits, as parameter sets and metadata of codecs are written.

Promises: never raises and never runs on: past the end every bit is 0, and `is_exhausted` says so.
"""

from __future__ import annotations

GOLOMB_BITS_MAX = 32
"""More leading zeros than these are no number of any codec's syntax."""


class Bits:
    """Reads a content from its first bit to its last."""

    def __init__(self, content: bytes) -> None:
        self._value = int.from_bytes(content, "big")
        self._left = self._size = len(content) * 8
        self.is_exhausted = False

    def take(self, count: int) -> int:
        if count > self._left:
            self.is_exhausted, self._left = True, 0
            return 0
        self._left -= count
        return self._value >> self._left & (1 << count) - 1

    def flag(self) -> bool:
        return bool(self.take(1))

    def skip(self, count: int) -> None:
        self.is_exhausted = self.is_exhausted or count > self._left
        self._left = max(self._left - count, 0)

    def golomb(self) -> int:
        """An unsigned exponential-Golomb number, ue(v)."""
        zeros = 0
        while zeros < GOLOMB_BITS_MAX and not self.is_exhausted and not self.take(1):
            zeros += 1
        return (1 << zeros) - 1 + self.take(zeros) if zeros < GOLOMB_BITS_MAX else 0

    def signed_golomb(self) -> int:
        """A signed one, se(v)."""
        code = self.golomb()
        return (code + 1) // 2 if code % 2 else -(code // 2)
