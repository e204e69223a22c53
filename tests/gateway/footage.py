"""Films with facts and findings, as an examination leaves them: in the tree, and in the log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from domain.asset import decider as assets
from domain.asset.decider import AssetCommand, Finding, RecordFailure, RecordFindings, asset_id
from domain.asset.events import AssetStored, AssetValidationFailed, FoundIssue, Mode
from domain.format.extension import Extensions
from domain.format.media.facts import MediaFacts
from domain.format.media.hdr import HdrMetadata
from domain.format.media.timing import Sync
from domain.format.media.track_facts import Picture, Sound, TrackFacts
from domain.ids import CommitId, Digest, FilePath, RepoId, repo_id
from tests.gateway.films import sagas
from tests.gateway.house import SYSTEM, House
from tests.gateway.uploading import Client

FILM: RepoId = repo_id("film")
COMMIT = CommitId("c" * 32)
PICTURES = TrackFacts(1, "video", "hvc1.2.4.L153.B0", "", 0, 60_000, 1_500, Picture(3840, 2160, Fraction(25)))
SOUND = TrackFacts(2, "audio", "mp4a.40.2", "eng", 40, 60_101, 2_818, sound=Sound(2, 48_000))
HDR = HdrMetadata(type="hdr10", mastering_display=bytes(24), content_light=bytes(4))
REEL = MediaFacts("isom", False, 60_101, 0, 0, 2, (PICTURES, SOUND), HDR, Sync(101, 0, True))
"""A minute of UHD whose sound is 101 ms longer."""
SONG = MediaFacts("M4A ", False, 180_000, 0, 0, 1, (replace(SOUND, duration_ms=180_000),))
PROXY = replace(
    REEL, brand="qt  ", tracks=(replace(PICTURES, codec="ap4h"),), hdr=HdrMetadata(), sync=Sync(0, 0, False)
)
"""In a codec outside the supported set."""


@dataclass(frozen=True, slots=True)
class Shot:
    """A commit of files, and each file's recipe."""

    house: House
    ann: Client
    commit: str
    recipes: Mapping[str, Digest]

    @property
    def address(self) -> str:
        return f"/commits/{self.commit}/media"

    def find(self, path: str, *findings: Finding) -> None:
        self.tell(path, RecordFindings(findings))

    def store(self, path: str, mode: Mode, facts: MediaFacts | None = None, *more: Finding) -> None:
        self.find(path, self.stored(path, mode, b"" if facts is None else facts.encode()), *more)

    def stored(self, path: str, mode: Mode, facts: bytes, *warnings: str) -> AssetStored:
        issues = tuple(FoundIssue(severity="warning", message=message) for message in warnings)
        return AssetStored(
            repo=FILM,
            recipe=self.recipes[path],
            size_bytes=1,
            mode=mode,
            facts=facts,
            issues=issues,
            reader=1,
        )

    def damage(self, path: str, *messages: str) -> None:
        issues = tuple(FoundIssue(severity="error", message=message) for message in messages)
        failed = AssetValidationFailed(
            repo=FILM, recipe=self.recipes[path], path=FilePath(path), commit=COMMIT, issues=issues
        )
        self.tell(path, RecordFailure(failed))

    def tell(self, path: str, command: AssetCommand) -> None:
        asset = asset_id(FILM, self.recipes[path])
        self.house.core.log.ask(assets.DECIDER.ask(asset, command), context=SYSTEM)


async def shot(h: House, **files: MediaFacts | None) -> Shot:
    """Published: files of these names and this type, whose facts lie in the tree."""
    ann = Client(h, await h.repo())
    session, recipes = await ann.session(), dict[str, Digest]()
    for path in files:
        answer = await ann.put(session, path, f"the bytes of {path}".encode())
        recipes[path] = Digest(bytes.fromhex(answer.json()["recipe"]))
    facts = {recipe: files[path] for path, recipe in recipes.items()}

    def describe(repo: RepoId, recipe: Digest, *, raw: bool) -> Extensions:
        found = facts.get(recipe)
        return () if found is None else (found.extension(),)

    changes = [{"path": path, "recipe": recipe.hex()} for path, recipe in recipes.items()]
    body = {"branch": "main", "session": session, "changes": changes}
    with sagas(h, describe):
        made = await h.ask(
            "POST", "/repos/film/commits", key=ann.key, body=body, headers={"Idempotency-Key": "shot"}
        )
    return Shot(h, ann, str(made.json()["commit"]), recipes)
