"""Pictures that are kept together: the groups between sync samples, or single samples of very long ones.

Promises: told from the tables alone; two tracks that hold the same group of pictures agree on its units.
`docs/formats.md` has the rule by which units become chunks.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise, repeat

from ..chunking import KIB, VIDEO
from .movie import SAMPLES_MAX, Samples

GROUP_BYTES = 512 * KIB
"""Units are put together to chunks of about this size: twice the chunks of an opaque file."""


@dataclass(frozen=True, slots=True)
class Units:
    """A picture track, from its first byte to its last."""

    sizes: array[int]
    """None is 0."""
    begins: bytearray
    """For each unit 1 if a chunk begins with it whatever lies before, else 0."""


def units_of(samples: Samples) -> Units | None:
    """None if there are too many to be told."""
    if samples.count > SAMPLES_MAX:
        return None
    units, is_free = Units(array("Q"), bytearray()), True
    for group in _groups(samples):
        group_bytes = sum(group)
        if not group_bytes:
            continue
        stands_alone = group_bytes >= VIDEO.min_bytes
        is_short = group_bytes <= VIDEO.max_bytes
        parts = (group_bytes,) if is_short else array("Q", filter(None, group))
        units.sizes.extend(parts)
        units.begins.append(stands_alone or is_free)
        units.begins.extend(bytes(len(parts) - 1))
        is_free = stands_alone
    return units


def _groups(samples: Samples) -> Iterator[Sequence[int]]:
    """The sizes of the samples from one sync sample to the next."""
    if samples.sync is None:
        sizes = iter(samples.sizes) if samples.sizes else repeat(samples.uniform_bytes, samples.count)
        return ((size,) for size in sizes)
    return (_between(samples, *borders) for borders in pairwise(chain((0,), samples.sync, (samples.count,))))


def _between(samples: Samples, first: int, stop: int) -> array[int]:
    if samples.sizes:
        return samples.sizes[first:stop]
    return array("I", [samples.uniform_bytes]) * (stop - first)
