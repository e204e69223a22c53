"""Whether a film that was written says of its colour and range what was read when it was committed (S4.4).

Its bytes were checked already; this looks at what they say, as the check of its commit did.
"""

from __future__ import annotations

from .format.errors import FormatError
from .format.media.facts import facts_in
from .format.media.hdr import HdrMetadata, hdr_of, losses
from .format.media.reading import read_movie
from .format.media.source import FileSource
from .rebuilding import Wanted


def lost_hdr(written: Wanted) -> tuple[str, ...]:
    """What is not there any more, by the names of the seed. Raises OSError."""
    before = _hdr_when_committed(written)
    if before is None or not before.has_hdr:
        return ()
    with written.target.open("rb") as file:
        return losses(before, _hdr_of(FileSource(file)))


def _hdr_when_committed(written: Wanted) -> HdrMetadata | None:
    """None if the server noted nothing that is understood here."""
    try:
        facts = facts_in(written.extensions)
    except FormatError:
        return None
    return None if facts is None else facts.hdr


def _hdr_of(source: FileSource) -> HdrMetadata:
    try:
        movie = read_movie(source)
        return HdrMetadata() if movie is None else hdr_of(movie, source)
    except FormatError:
        return HdrMetadata()
