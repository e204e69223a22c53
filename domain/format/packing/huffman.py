"""Huffman codes as zlib's deflate builds them: of all optimal codes the one that its heap finds.

Promises: the lengths are zlib's for any counts, with its ties and its way of keeping to the longest length
allowed (RFC 1951, 3.2.2, leaves both open), so that a packed project file (S4.5) comes out as it was.
"""

from __future__ import annotations

from collections.abc import Sequence

SMALLEST = 1
"""The heap is a binary tree in a list from 1 on: its smallest member first."""
DEPTH_BITS = 10
"""A tree of up to 286 leaves is less deep than 2^10."""


def code_lengths(counts: Sequence[int], bits_max: int) -> list[int]:
    """How many bits the code of each symbol has, up to the last that has one; 0 = it has no code."""
    rank = {symbol: count << DEPTH_BITS for symbol, count in enumerate(counts) if count}
    while len(rank) < 2:  # a decoder wants two codes at least
        last = max(rank, default=-1)
        rank[last + 1 if last < 2 else 0] = 1 << DEPTH_BITS
    lengths = [0] * (max(rank) + 1)
    heap = [0, *rank]
    parents, order = _joined(heap, rank, len(counts))
    for symbol, length in _limited(_depths(parents, order), order, len(counts), bits_max).items():
        lengths[symbol] = length
    return lengths


def codes(lengths: Sequence[int]) -> list[str]:
    """The canonical code of each symbol as the bits that are written, first one first (RFC 1951, 3.2.2)."""
    following, code = [0] * (max(lengths) + 2), 0
    for length in range(1, max(lengths) + 1):
        following[length] = code
        code = code + lengths.count(length) << 1
    found = list[str]()
    for length in lengths:
        found.append(f"{following[length]:0{length}b}" if length else "")
        following[length] += 1
    return found


def _joined(heap: list[int], rank: dict[int, int], node: int) -> tuple[dict[int, int], list[int]]:
    """The parent of every node, and all nodes with the root first, as they left the heap, last one first.

    `rank` sorts by count, then by depth; nodes that join two others are numbered from `node` on.
    """
    for place in range((len(heap) - 1) // 2, 0, -1):
        _sink(heap, rank, place)
    parents, order = dict[int, int](), list[int]()
    while len(heap) > 2:
        one = heap[SMALLEST]
        heap[SMALLEST] = heap[-1]
        heap.pop()
        _sink(heap, rank, SMALLEST)
        other = heap[SMALLEST]
        order += one, other
        parents[one] = parents[other] = node
        rank[node] = _joint_rank(rank[one], rank[other])
        heap[SMALLEST] = node
        _sink(heap, rank, SMALLEST)
        node += 1
    order.append(heap[SMALLEST])
    return parents, order[::-1]


def _joint_rank(one: int, other: int) -> int:
    depth_mask = (1 << DEPTH_BITS) - 1
    depth = max(one & depth_mask, other & depth_mask) + 1
    return (one >> DEPTH_BITS) + (other >> DEPTH_BITS) << DEPTH_BITS | depth


def _sink(heap: list[int], rank: dict[int, int], place: int) -> None:
    """Moves a member down until both below it rank higher; an equal one stays where it is."""
    member, size = heap[place], len(heap)
    sinking = rank[member]
    below = place * 2
    while below < size:
        if below + 1 < size and rank[heap[below + 1]] <= rank[heap[below]]:
            below += 1
        if sinking <= rank[heap[below]]:
            break
        heap[place] = heap[below]
        place, below = below, below * 2
    heap[place] = member


def _depths(parents: dict[int, int], order: list[int]) -> dict[int, int]:
    """How far each node is from the root."""
    depths = {order[0]: 0}
    for node in order[1:]:
        depths[node] = depths[parents[node]] + 1
    return depths


def _limited(depths: dict[int, int], order: list[int], leaves: int, bits_max: int) -> dict[int, int]:
    """The depth of every leaf, where those too deep are made room for by leaves higher up."""
    wanted = {node: min(depths[node], bits_max) for node in order if node < leaves}
    overflow = sum(depth > bits_max for depth in depths.values())
    if not overflow:
        return wanted
    of_length = [list(wanted.values()).count(length) for length in range(bits_max + 1)]
    while overflow > 0:
        length = max(length for length in range(bits_max) if of_length[length])
        of_length[length] -= 1
        of_length[length + 1] += 2
        of_length[bits_max] -= 1
        overflow -= 2
    rarest_first = (node for node in reversed(order) if node < leaves)
    longest_first = (length for length in range(bits_max, 0, -1) for _ in range(of_length[length]))
    return dict(zip(rarest_first, longest_first, strict=True))
