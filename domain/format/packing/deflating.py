"""zlib's deflate in plain Python: the last resort where a machine's own zlib packs otherwise.

Promises: the same bytes as `zlib.compressobj(level, DEFLATED, -15, mem_level, strategy)` of the classic
zlib (1.2.12 to 1.3.x; zlib-ng, Apple's and Intel's differ) that is fed the same pieces, so that a project
file stored unpacked (S4.5) can be packed again on any machine, bit by bit as it was; in memory that does not
grow with the content. The format is RFC 1951; what that leaves open is done as zlib does it. Some 100 KB/s.
"""

from __future__ import annotations

from .blocks import BlockWriter
from .parsing import Effort, Parsing, Symbols, by_literals, by_runs, greedily, lazily
from .window import Window

FILTERED, LITERALS_ONLY, RUNS_ONLY, FIXED_CODES = 1, 2, 3, 4
"""zlib's strategies other than its default, 0: Z_FILTERED, Z_HUFFMAN_ONLY, Z_RLE, Z_FIXED."""
EFFORTS = (
    Effort(4, 4, 8, 4),
    Effort(4, 5, 16, 8),
    Effort(4, 6, 32, 32),
    Effort(4, 4, 16, 16),
    Effort(8, 16, 32, 32),
    Effort(8, 16, 128, 128),
    Effort(8, 32, 128, 256),
    Effort(32, 128, 258, 1024),
    Effort(32, 258, 258, 4096),
)
GREEDY_LEVEL_MAX = 3


class Deflater:
    """Packs piece after piece, like zlib's compressobj: level and mem_level 1 to 9, strategy 0 to 4."""

    def __init__(self, level: int, mem_level: int, strategy: int) -> None:
        assert 1 <= level <= 9, "level 0 is no packing"
        assert 1 <= mem_level <= 9, "zlib knows no other"
        assert 0 <= strategy <= 4, "zlib knows no other"
        self._writer = BlockWriter(is_always_fixed=strategy == FIXED_CODES)
        self._window = Window(mem_level + 7, is_linked_ahead=level > GREEDY_LEVEL_MAX)
        symbols = Symbols(self._window, self._writer, (1 << mem_level + 6) - 1)
        self._parsing = _parsing(level, strategy, self._window, symbols)

    def compress(self, piece: bytes) -> bytes:
        """What can be written once this piece is known; often nothing."""
        if piece:
            self._window.offer(piece, is_last=False)
            next(self._parsing)
        return self._writer.taken()

    def flush(self) -> bytes:
        """The rest. Nothing may follow it."""
        self._window.offer(b"", is_last=True)
        for _ in self._parsing:
            raise AssertionError("no parsing waits for more once the end is known")
        return self._writer.taken()


def _parsing(level: int, strategy: int, window: Window, symbols: Symbols) -> Parsing:
    if strategy == LITERALS_ONLY:
        return by_literals(window, symbols)
    if strategy == RUNS_ONLY:
        return by_runs(window, symbols)
    effort = EFFORTS[level - 1]
    if level <= GREEDY_LEVEL_MAX:
        return greedily(window, symbols, effort)
    return lazily(window, symbols, effort, is_filtered=strategy == FILTERED)
