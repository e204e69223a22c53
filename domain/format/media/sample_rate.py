"""At which rate a sound track is to be played.

Promises: asked in the order in which writers get it right: the codec's own configuration, the box made for
it, mdhd where 16 bits of the sample entry cannot hold it, the entry. No decoder. Serves S4.2, S4.3.
"""

from __future__ import annotations

from .configuration import configuration
from .movie import Track
from .mpeg4 import decoder_of, sampling_rate

HIGH_RATES = frozenset({88_200, 96_000, 176_400, 192_000, 352_800, 384_000, 705_600, 768_000})
"""More than 65,535; FFmpeg halves them in the entry, or writes 0."""


def sample_rate_of(track: Track) -> int:
    """`track.sample_rate` is what the entry says, 0 if nothing."""
    told = sampling_rate(decoder_of(configuration(track, "esds"))) or _box_rate(track)
    if told:
        return told
    if track.timescale in HIGH_RATES and track.sample_rate <= 0xFFFF:
        return track.timescale
    return track.sample_rate or track.timescale


def _box_rate(track: Track) -> int:
    """Of srat, in entries of ISO's version 1."""
    return int.from_bytes(configuration(track, "srat")[4:8], "big")
