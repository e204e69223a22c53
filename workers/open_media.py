"""Where the media worker begins: what is open in the log, read in bulk (no read model keeps it).

Promises: the same as folding the log from its beginning would find, up to the position that is given.
"""

from __future__ import annotations

from collections.abc import Iterator

from domain.asset import decider as assets
from domain.asset.events import AssetSalvaged, AssetStored, PictureDrawn, SalvageAsked, SalvageFailed
from domain.event import Recorded
from domain.ids import AggregateId
from domain.ports import EventLog, Messages
from domain.position import Position

TOPICS = frozenset(
    event.TOPIC for event in (AssetStored, PictureDrawn, SalvageAsked, AssetSalvaged, SalvageFailed)
)


def open_media(messages: Messages, events: EventLog) -> tuple[Iterator[Recorded], Position | None]:
    """The newest SalvageAsked and AssetStored of assets that wait for something."""
    asked, unseen, end = dict[str, None](), dict[str, None](), None
    for position, batch in messages.raw_events(None, TOPICS):
        end = position
        for raw in batch:
            match raw.topic:
                case SalvageAsked.TOPIC:
                    asked[raw.aggregate] = None
                case AssetSalvaged.TOPIC | SalvageFailed.TOPIC:
                    asked.pop(raw.aggregate, None)
                case AssetStored.TOPIC if raw.fields["mode"] == "media":
                    unseen[raw.aggregate] = None
                case PictureDrawn.TOPIC:
                    unseen.pop(raw.aggregate, None)
                case _:
                    pass
    return _newest(events, asked, unseen), end


def _newest(events: EventLog, asked: dict[str, None], unseen: dict[str, None]) -> Iterator[Recorded]:
    for wanted, kind in ((asked, SalvageAsked), (unseen, AssetStored)):
        for name in wanted:
            history = events.history(assets.DECIDER.at(AggregateId.parse(name).id))
            yield [recorded for recorded in history if isinstance(recorded.event, kind)][-1]
