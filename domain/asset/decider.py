"""An asset's state and answers: the same finding is said once, whoever finds it how often.

Promises: recording an examination any number of times has one effect (I6); a salvage is asked for once at a
time and ends by an event; what was found before stays found, because the content does not change; a recipe
is superseded once, by one that is not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import assert_never, get_args

from domain.asset.events import (
    AssetEvent,
    AssetSalvaged,
    AssetStored,
    AssetValidationFailed,
    AvSyncWarningRaised,
    FoundIssue,
    HdrMetadataExtracted,
    HdrMetadataLost,
    HdrMetadataReinserted,
    NleProjectParsed,
    NleProjectStoredOpaque,
    PictureDrawn,
    PictureKind,
    RecipeSuperseded,
    SalvageAsked,
    SalvageFailed,
    UnsupportedCodecFlagged,
)
from domain.decider import Decider
from domain.errors import AlreadyExistsError
from domain.ids import Digest, RepoId, derived_id

Finding = (
    AssetStored
    | UnsupportedCodecFlagged
    | AvSyncWarningRaised
    | HdrMetadataExtracted
    | NleProjectParsed
    | NleProjectStoredOpaque
)
"""What an examination says of a content."""


def asset_id(repo: RepoId, recipe: Digest) -> str:
    return derived_id("asset", repo, recipe.hex())


@dataclass(frozen=True, slots=True)
class RecordFindings:
    """Those that are no news decide nothing."""

    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class RecordFailure:
    """A container is damaged; once a commit and path."""

    failed: AssetValidationFailed


@dataclass(frozen=True, slots=True)
class AskSalvage:
    asked: SalvageAsked


@dataclass(frozen=True, slots=True)
class EndSalvage:
    ended: AssetSalvaged | SalvageFailed


@dataclass(frozen=True, slots=True)
class RecordHdrOfDerivative:
    told: HdrMetadataReinserted | HdrMetadataLost


@dataclass(frozen=True, slots=True)
class RecordPicture:
    drawn: PictureDrawn


@dataclass(frozen=True, slots=True)
class SupersedeRecipe:
    """Both rebuild the same bytes. Asked with `StandForOthers` of the new one, so no circle closes."""

    superseded: RecipeSuperseded


@dataclass(frozen=True, slots=True)
class StandForOthers:
    """Decides nothing, and so guards that nothing stands for this recipe in its turn."""


AssetCommand = (
    RecordFindings
    | RecordFailure
    | AskSalvage
    | EndSalvage
    | RecordHdrOfDerivative
    | RecordPicture
    | SupersedeRecipe
    | StandForOthers
)


@dataclass(frozen=True, slots=True)
class Derived:
    """Metadata that an asset lacked of its original, and whether it still does."""

    original: Digest
    kinds: tuple[str, ...]
    is_lost: bool

    @staticmethod
    def of(told: HdrMetadataReinserted | HdrMetadataLost) -> Derived:
        return Derived(told.original, told.kinds, isinstance(told, HdrMetadataLost))


@dataclass(frozen=True, slots=True)
class Asset:
    found: Mapping[str, Finding] = field(default_factory=dict[str, Finding])
    """The newest finding of each kind, by its topic."""
    failures: frozenset[tuple[str, str]] = frozenset()
    """(commit, path) of those that were told."""
    issues: tuple[FoundIssue, ...] = ()
    """What is wrong with the container, as it was told last, be it stored or refused."""
    asked: SalvageAsked | None = None
    """While a salvage is under way."""
    salvaged: AssetSalvaged | None = None
    unsalvaged: SalvageFailed | None = None
    """Why the last salvage came to nothing; None since another was asked for."""
    derived: tuple[Derived, ...] = ()
    """What became of the metadata of the one that this was made of, oldest first."""
    pictures: Mapping[PictureKind, PictureDrawn] = field(default_factory=dict[PictureKind, PictureDrawn])
    successor: Digest | None = None
    """The recipe that stands for this one; it may have a successor too."""

    @property
    def stored(self) -> AssetStored | None:
        found = self.found.get(AssetStored.TOPIC)
        return found if isinstance(found, AssetStored) else None


def decide(state: Asset, command: AssetCommand) -> tuple[AssetEvent, ...]:
    match command:
        case RecordFindings(findings):
            return tuple(_news(state, findings))
        case RecordFailure(failed):
            return (failed,) if (failed.commit, failed.path) not in state.failures else ()
        case AskSalvage(asked):
            return (asked,) if state.asked is None else ()
        case EndSalvage(ended):
            return (ended,) if state.asked is not None else ()
        case RecordHdrOfDerivative(told):
            return (told,) if Derived.of(told) not in state.derived else ()
        case RecordPicture(drawn):
            return (drawn,) if state.pictures.get(drawn.kind) != drawn else ()
        case SupersedeRecipe(superseded):
            assert superseded.old != superseded.new, "a recipe does not stand for itself"
            return (superseded,) if state.successor is None else ()
        case StandForOthers():
            if state.successor is not None:
                raise AlreadyExistsError(thing="successor", name=state.successor.hex())
            return ()
        case _:
            assert_never(command)


def _news(state: Asset, findings: Iterable[Finding]) -> Iterable[Finding]:
    """A reader older than the one that looked last has nothing to say."""
    stored = state.stored
    told = tuple(findings)
    reader = max((each.reader for each in told if isinstance(each, AssetStored)), default=0)
    if stored is not None and reader < stored.reader:
        return ()
    return (each for each in told if state.found.get(each.TOPIC) != each)


FAILURES_MAX = 64
"""Remembered of one content; one that is tried more often may be told of again."""


def evolve(state: Asset, event: AssetEvent) -> Asset:
    match event:
        case AssetStored():
            return replace(state, found={**state.found, event.TOPIC: event}, issues=event.issues)
        case (
            UnsupportedCodecFlagged()
            | AvSyncWarningRaised()
            | HdrMetadataExtracted()
            | NleProjectParsed()
            | NleProjectStoredOpaque()
        ):
            return replace(state, found={**state.found, event.TOPIC: event})
        case AssetValidationFailed():
            known = state.failures if len(state.failures) < FAILURES_MAX else frozenset[tuple[str, str]]()
            return replace(state, failures=known | {(event.commit, event.path)}, issues=event.issues)
        case SalvageAsked():
            return replace(state, asked=event, unsalvaged=None)
        case AssetSalvaged():
            return replace(state, asked=None, salvaged=event)
        case SalvageFailed():
            return replace(state, asked=None, unsalvaged=event)
        case HdrMetadataReinserted() | HdrMetadataLost():
            return replace(state, derived=(*state.derived, Derived.of(event)))
        case PictureDrawn():
            return replace(state, pictures={**state.pictures, event.kind: event})
        case RecipeSuperseded():
            return replace(state, successor=event.new)
        case _:
            assert_never(event)


DECIDER = Decider("asset", Asset(), decide, evolve, get_args(AssetEvent), fold=4)
