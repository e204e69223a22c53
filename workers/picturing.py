"""Draws the pictures of one video: a poster frame and a contact sheet, among the derived objects.

Promises: a picture is told after it is stored; one that was told is not drawn again; the same video gives the
same pictures, whoever draws them.
"""

from __future__ import annotations

from dataclasses import dataclass

import structlog

from domain.asset import decider as assets
from domain.asset.decider import RecordPicture, asset_id
from domain.asset.events import AssetStored, PictureDrawn
from domain.decider import Ask, Context
from domain.errors import FormatError
from domain.format.digest import digest_of
from domain.format.media.facts import MediaFacts
from domain.ids import Digest, RepoId
from domain.ports import DERIVED, DrawnPicture, EventLog, MediaTools, ObjectName, ObjectStore, Unplayable
from domain.successions import opened_source
from workers.salvaging import ACTOR

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Drawing:
    """A video that has no pictures yet."""

    repo: RepoId
    recipe: Digest
    context: Context

    @property
    def asset(self) -> str:
        return asset_id(self.repo, self.recipe)


def is_to_be_drawn(stored: AssetStored) -> bool:
    """Media with a picture track; facts of a later version say nothing here, so it is tried."""
    if stored.mode != "media" or not stored.facts:
        return False
    try:
        return any(track.kind == "video" for track in MediaFacts.decode(stored.facts).tracks)
    except FormatError:
        return True


@dataclass(frozen=True, slots=True)
class Painter:
    """The effects of drawing."""

    events: EventLog
    store: ObjectStore
    tools: MediaTools

    def draw(self, drawing: Drawing) -> None:
        """Raises whatever stands in the way."""
        if self.events.load(assets.DECIDER, drawing.asset).state.pictures:
            return
        drawn = self.tools.draw(opened_source(self.events, self.store, drawing.repo, drawing.recipe))
        if isinstance(drawn, Unplayable):
            log.info("pictures_not_drawn", asset=drawing.asset, code=drawn.code, reason=drawn.reason)
            return
        self.store.put([(ObjectName(DERIVED, digest_of(each.content)), each.content) for each in drawn])
        asks = [_told(drawing, each) for each in drawn]
        if asks:
            self.events.ask(*asks, context=drawing.context)


def _told(drawing: Drawing, drawn: DrawnPicture) -> Ask:
    told = PictureDrawn(
        repo=drawing.repo,
        recipe=drawing.recipe,
        kind=drawn.kind,
        picture=digest_of(drawn.content),
        size_bytes=len(drawn.content),
        width=drawn.width,
        height=drawn.height,
    )
    return assets.DECIDER.ask(drawing.asset, RecordPicture(told))


def drawing_of(stored: AssetStored, correlation_id: str, causation: str) -> Drawing:
    return Drawing(stored.repo, stored.recipe, Context(ACTOR, correlation_id, causation))
