"""The window that zlib's deflate finds matches in: 64 KiB that slide by 32 KiB, and chains of likely places.

Promises: it slides, and forgets, exactly when zlib's does, because what it still holds decides which matches
are found and whether a block can be stored; so a packed project file (S4.5) comes out bit by bit as it was.
A place is an offset into `content`. `triples` has the three bytes at every place as one number, `chains` the
place before it where they have the same hash, `ranks` how far along the chain it is. 0 ends a chain, so
nothing is ever found at place 0: zlib's quirk, and kept.
"""

from __future__ import annotations

from collections.abc import Generator
from itertools import islice

SLIDE_BYTES = 32 * 1024
"""RFC 1951: no match is farther back."""
MATCH_BYTES_MIN, MATCH_BYTES_MAX = 3, 258
LOOKAHEAD_BYTES_MIN = MATCH_BYTES_MAX + MATCH_BYTES_MIN + 1
"""As long as more may come, zlib decides nothing with less than this before it."""
DISTANCE_MAX = SLIDE_BYTES - LOOKAHEAD_BYTES_MIN


class Window:
    """Holds the bytes around the place being packed; its lists stay the same objects while it slides."""

    def __init__(self, hash_bits: int, *, is_linked_ahead: bool) -> None:
        """`is_linked_ahead`: every place joins its chain as it comes in; else only when `link` is called."""
        self.content = bytearray()
        self.triples = list[int]()
        self.chains = list[int]()
        self.ranks = list[int]()
        self._hashes = list[int]()
        self._newest = [0] * (1 << hash_bits)
        self._hash_shift = (hash_bits + 2) // MATCH_BYTES_MIN
        self._is_linked_ahead = is_linked_ahead
        self._block_start = 0
        self._incoming = b""
        self._is_ended = False

    def offer(self, piece: bytes, *, is_last: bool) -> None:
        """What comes next; `look_ahead` takes it in as room allows."""
        self._incoming += piece
        self._is_ended = is_last

    def look_ahead(self, place: int, wanted_bytes: int = LOOKAHEAD_BYTES_MIN) -> Generator[None, None, int]:
        """Waits until so many bytes lie ahead of `place`, or the end is known; where `place` has slid to."""
        while True:
            place = self._fill(place)
            if self._is_ended or len(self.content) - place >= wanted_bytes:
                return place
            yield

    def link(self, place: int) -> int:
        """Lets a place join its chain; the place before it there."""
        hashed = self._hashes[place]
        before = self.chains[place] = self._newest[hashed]
        self._newest[hashed] = place
        self.ranks[place] = self.ranks[before] + 1
        return before

    def block(self, stop: int) -> bytes | None:
        """All since the last block, if it is still there."""
        start, self._block_start = self._block_start, stop
        return bytes(self.content[start:stop]) if start >= 0 else None

    def _fill(self, place: int) -> int:
        while True:
            if place >= SLIDE_BYTES + DISTANCE_MAX:
                self._slide()
                place -= SLIDE_BYTES
            if not self._incoming:
                return place
            self._take_in(2 * SLIDE_BYTES - len(self.content))
            if len(self.content) - place >= LOOKAHEAD_BYTES_MIN:
                return place

    def _slide(self) -> None:
        for passing in (self.content, self.triples, self._hashes, self.chains, self.ranks):
            del passing[:SLIDE_BYTES]
        for places in (self.chains, self._newest):
            places[:] = [place - SLIDE_BYTES if place > SLIDE_BYTES else 0 for place in places]
        self._block_start -= SLIDE_BYTES

    def _take_in(self, room_bytes: int) -> None:
        self.content += self._incoming[:room_bytes]
        self._incoming = self._incoming[room_bytes:]
        first, shift, mask = len(self.triples), self._hash_shift, len(self._newest) - 1
        fresh = self.content[first:]
        triples = tuple(zip(fresh, fresh[1:], fresh[2:], strict=False))
        self.triples += [one << 16 | two << 8 | three for one, two, three in triples]
        self._hashes += [(one << 2 * shift ^ two << shift ^ three) & mask for one, two, three in triples]
        self.chains += [0] * (len(self.content) - len(self.chains))
        self.ranks += [0] * (len(self.content) - len(self.ranks))
        if self._is_linked_ahead:
            self._link_from(first)

    def _link_from(self, first: int) -> None:
        """`link` for every new place: once a byte, so with nothing looked up twice."""
        chains, ranks, newest = self.chains, self.ranks, self._newest
        for place, hashed in enumerate(islice(self._hashes, first, None), first):
            before = chains[place] = newest[hashed]
            newest[hashed] = place
            ranks[place] = ranks[before] + 1
