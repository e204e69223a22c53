"""Recipes that stand for others: the log's answer to which one is read, followed to its end.

Promises: trees and commits never change; a recipe that nothing stands for is its own newest; no circle can
close, because a recipe is superseded once, and only by one that nothing stands for (`domain/asset`).
"""

from __future__ import annotations

from domain.asset import decider as assets
from domain.asset.decider import StandForOthers, SupersedeRecipe, asset_id
from domain.asset.events import RecipeSuperseded
from domain.decider import Ask
from domain.format.rebuilding import RecipeSource
from domain.format.recipe import Recipe
from domain.ids import Digest, RepoId
from domain.ports import EventLog, ObjectName, ObjectStore
from domain.recutting import source_of

SUCCESSIONS = "successions"
"""The kind of the objects that tell the same without the log (`docs/formats.md`)."""


def newest(events: EventLog, repo: RepoId, recipe: Digest) -> Digest:
    """The recipe to be read for this one. Raises UnavailableError."""
    successor = events.load(assets.DECIDER, asset_id(repo, recipe)).state.successor
    while successor is not None:
        recipe = successor
        successor = events.load(assets.DECIDER, asset_id(repo, recipe)).state.successor
    return recipe


def opened_source(events: EventLog, store: ObjectStore, repo: RepoId, recipe: Digest) -> RecipeSource:
    """A stored file, by its newest recipe, verified chunk by chunk (I8).

    Raises ChunkNotFoundError, CorruptObjectError, UnavailableError.
    """
    named = ObjectName("recipes", newest(events, repo, recipe))
    return source_of(store, Recipe.decode(store.get(named)))


def supersede(repo: RepoId, old: Digest, new: Digest) -> tuple[Ask, Ask]:
    """To be asked together. AlreadyExistsError: something stands for the new one by now."""
    told = SupersedeRecipe(RecipeSuperseded(repo=repo, old=old, new=new))
    return (
        assets.DECIDER.ask(asset_id(repo, old), told),
        assets.DECIDER.ask(asset_id(repo, new), StandForOthers()),
    )
