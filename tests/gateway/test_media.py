"""What is told of a file's content: facts from the tree, findings from its asset, warnings in a header."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from domain.asset.decider import RecordHdrOfDerivative, RecordPicture
from domain.asset.events import (
    AvSyncWarningRaised,
    FoundGap,
    HdrMetadataExtracted,
    HdrMetadataLost,
    HdrMetadataReinserted,
    NleProjectParsed,
    NleProjectStoredOpaque,
    PictureDrawn,
    UnsupportedCodecFlagged,
)
from domain.format.digest import digest_of
from domain.ids import Digest
from domain.ports import ObjectName
from tests.gateway.conftest import Tell
from tests.gateway.footage import FILM, PROXY, REEL, SONG, Shot, shot
from tests.gateway.house import House, expect_problem

MISMATCH = "Tracks have significant duration mismatch"
GAP = FoundGap(track=2, at_ms=2_020, lasting_ms=500)
JPEG = b"\xff\xd8\xff\xe0 a picture"


def paths(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [each["path"] for each in answer.json()["items"]]


async def told(made: Shot, path: str) -> Any:
    answer = await made.ann.get(f"{made.address}/{path}")
    assert answer.status_code == 200, answer.text
    return answer.json()


# ------------------------------------------------------------------ one file
def test_facts_of_the_tree_are_told(tell: Tell) -> None:
    async def story(h: House) -> None:
        made = await shot(h, reel=REEL)
        made.store("reel", "media", REEL)
        body = await told(made, "reel")
        assert (body["mode"], body["kind"], body["reader"]) == ("media", "video", 1)
        assert body["facts"] == REEL.as_fields()
        assert body["recipe"] == made.recipes["reel"].hex()

    tell(story)


def test_facts_that_a_tree_lacks_are_those_of_the_asset(tell: Tell) -> None:
    async def story(h: House) -> None:
        made = await shot(h, reel=None)
        made.store("reel", "media", REEL)
        assert (await told(made, "reel"))["facts"] == REEL.as_fields()
        assert paths(await made.ann.get(f"{made.address}?codec=hvc1")) == ["reel"]

    tell(story)


def test_the_newest_readers_facts_count(tell: Tell) -> None:
    """A commit stays as it is; what is known of its content may grow."""

    async def story(h: House) -> None:
        made = await shot(h, reel=REEL)
        made.store("reel", "media", SONG)
        assert (await told(made, "reel"))["facts"] == SONG.as_fields()

    tell(story)


def test_of_a_file_that_nobody_examined_nothing_is_known(tell: Tell) -> None:
    async def story(h: House) -> None:
        made = await shot(h, notes=None)
        body = await told(made, "notes")
        known = {name for name, value in body.items() if value not in (None, [])}
        assert known == {"path", "size_bytes", "recipe"}

    tell(story)


def test_sound_that_drifts_is_told_as_the_table_says(tell: Tell) -> None:
    """S4.3: the body has these members, spelt so; the tracks are the resync report."""

    async def story(h: House) -> None:
        made = await shot(h, reel=REEL)
        answer = await made.ann.get(f"{made.address}/reel")
        sync = answer.json()["sync"]
        tracks = sync.pop("tracks")
        assert sync == {"valid": False, "driftMs": 101, "suggestion": MISMATCH, "gaps": 0, "first_gaps": []}
        assert [(each["kind"], each["start_ms"]) for each in tracks] == [("video", 0), ("audio", 40)]
        assert answer.headers["X-Dits-Warning"] == "av-sync"

    tell(story)


def test_a_warning_of_the_asset_is_told_without_facts(tell: Tell) -> None:
    async def story(h: House) -> None:
        made = await shot(h, reel=None)
        recipe = made.recipes["reel"]
        made.find(
            "reel",
            AvSyncWarningRaised(
                repo=FILM, recipe=recipe, drift_ms=7, gaps=2, first_gaps=(GAP,), suggestion="Look at the gaps"
            ),
        )
        sync = (await told(made, "reel"))["sync"]
        assert (sync["valid"], sync["driftMs"], sync["gaps"]) == (False, 7, 2)
        assert sync["first_gaps"] == [GAP.model_dump()]

    tell(story)


def test_a_codec_outside_the_set_is_told_with_its_fallback(tell: Tell) -> None:
    """S4.2"""

    async def story(h: House) -> None:
        made = await shot(h, proxy=PROXY)
        flagged = UnsupportedCodecFlagged(repo=FILM, recipe=made.recipes["proxy"], codecs=("ap4h",))
        made.store("proxy", "raw", PROXY, flagged)
        answer = await made.ann.get(f"{made.address}/proxy")
        expected = {"codec": "ap4h", "fallback": "raw", "warning": "Unsupported codec: ap4h"}
        assert answer.json()["unsupported"] == [expected]
        assert answer.headers["X-Dits-Warning"] == "unsupported-codec"

    tell(story)


def test_a_codec_that_is_supported_by_now_is_no_warning(tell: Tell) -> None:
    async def story(h: House) -> None:
        made = await shot(h, reel=None)
        codecs = ("avc1.64001f",)
        made.find("reel", UnsupportedCodecFlagged(repo=FILM, recipe=made.recipes["reel"], codecs=codecs))
        answer = await made.ann.get(f"{made.address}/reel")
        assert (answer.json()["unsupported"], "X-Dits-Warning" in answer.headers) == ([], False)

    tell(story)


def extracted(made: Shot) -> HdrMetadataExtracted:
    return HdrMetadataExtracted(
        repo=FILM,
        recipe=made.recipes["reel"],
        hdr="hdr10",
        mastering_display=bytes(24),
        content_light=bytes(4),
        dolby_vision=b"",
        dynamic=b"",
    )


@pytest.mark.parametrize("in_the_tree", [True, False])
def test_hdr_says_which_metadata_is_there(tell: Tell, *, in_the_tree: bool) -> None:
    """S4.4"""

    async def story(h: House) -> None:
        made = await shot(h, reel=REEL if in_the_tree else None)
        made.find("reel", extracted(made))
        hdr = (await told(made, "reel"))["hdr"]
        assert hdr.pop("type") == "hdr10"
        there = {name for name, is_there in hdr.items() if is_there}
        assert there == {"mastering_display", "content_light_level"}

    tell(story)


def test_metadata_that_a_derivative_lost_is_a_warning_until_it_is_put_back(tell: Tell) -> None:
    """S4.4"""

    async def story(h: House) -> None:
        made = await shot(h, reel=None)
        about: Any = {"repo": FILM, "recipe": made.recipes["reel"], "original": Digest(bytes(32))}
        made.tell("reel", RecordHdrOfDerivative(HdrMetadataLost(**about, kinds=("masteringDisplay",))))
        answer = await made.ann.get(f"{made.address}/reel")
        assert answer.headers["X-Dits-Warning"] == "hdr-metadata-lost"
        made.tell("reel", RecordHdrOfDerivative(HdrMetadataReinserted(**about, kinds=("masteringDisplay",))))
        answer = await made.ann.get(f"{made.address}/reel")
        assert "X-Dits-Warning" not in answer.headers
        assert [each["is_lost"] for each in answer.json()["derived"]] == [True, False]

    tell(story)


def test_several_warnings_are_one_list(tell: Tell) -> None:
    async def story(h: House) -> None:
        made = await shot(h, reel=REEL)
        made.find("reel", UnsupportedCodecFlagged(repo=FILM, recipe=made.recipes["reel"], codecs=("ap4h",)))
        answer = await made.ann.get(f"{made.address}/reel")
        assert answer.headers["X-Dits-Warning"] == "unsupported-codec, av-sync"

    tell(story)


def test_a_project_of_a_newer_version_is_told_as_opaque(tell: Tell) -> None:
    """S4.5"""

    async def story(h: House) -> None:
        made = await shot(h, edit=None)
        recipe = made.recipes["edit"]
        newer = NleProjectStoredOpaque(
            repo=FILM, recipe=recipe, nle="premiere", version="25.0", reason="it is newer"
        )
        made.store("edit", "project", None, newer)
        body = await told(made, "edit")
        assert (body["mode"], body["kind"], body["warnings"]) == ("project", "project", ["opaque-project"])
        opaque = {"stored_as": "opaque", "nle": "premiere", "version": "25.0", "supported": False}
        assert body["project"] == {**opaque, "reason": "it is newer", "references": []}

    tell(story)


def test_a_project_that_is_understood_names_its_media(tell: Tell) -> None:
    """S4.5"""

    async def story(h: House) -> None:
        made = await shot(h, edit=None)
        parsed = NleProjectParsed(
            repo=FILM, recipe=made.recipes["edit"], nle="fcpx", version="10.6", references=("/a.mov",)
        )
        made.store("edit", "project", None, parsed)
        project = (await told(made, "edit"))["project"]
        assert (project["stored_as"], project["supported"]) == ("parsed", True)
        assert project["references"] == ["/a.mov"]
        assert paths(await made.ann.get(f"{made.address}?warning=any")) == []

    tell(story)


def test_damage_is_told_in_the_words_of_the_check(tell: Tell) -> None:
    """S4.1"""

    async def story(h: House) -> None:
        made = await shot(h, reel=None)
        made.store("reel", "raw")
        made.damage("reel", "Missing moov box")
        answer = await made.ann.get(f"{made.address}/reel")
        body = answer.json()
        assert body["issues"] == [{"severity": "error", "message": "Missing moov box"}]
        assert (body["mode"], body["kind"], body["facts"]) == ("raw", None, None)
        assert body["warnings"] == [answer.headers["X-Dits-Warning"]] == ["corrupted-container"]

    tell(story)


def test_what_a_container_is_warned_of_is_told(tell: Tell) -> None:
    """S4.1: it passes, and whoever looks at it reads why one should look."""

    async def story(h: House) -> None:
        made = await shot(h, reel=REEL)
        made.find("reel", made.stored("reel", "media", SONG.encode(), "Missing mdat box"))
        answer = await made.ann.get(f"{made.address}/reel")
        assert answer.json()["issues"] == [{"severity": "warning", "message": "Missing mdat box"}]
        assert answer.headers["X-Dits-Warning"] == "container-warning"
        assert paths(await made.ann.get(f"{made.address}?warning=container-warning")) == ["reel"]

    tell(story)


def test_what_is_no_file_of_the_commit_is_missing(tell: Tell) -> None:
    async def story(h: House) -> None:
        made = await shot(h, reel=REEL)
        expect_problem(await made.ann.get(f"{made.address}/other"), 404, "NOT_FOUND")
        expect_problem(await made.ann.get(f"/commits/{'0' * 32}/media/reel"), 404, "NOT_FOUND")
        expect_problem(await made.ann.get(f"/commits/{'0' * 32}/media"), 404, "NOT_FOUND")

    tell(story)


# ------------------------------------------------------------------ pictures
def draw(made: Shot, path: str, *, is_kept: bool = True) -> None:
    picture = digest_of(JPEG)
    if is_kept:
        made.house.store.put([(ObjectName("derived", picture), JPEG)])
    drawn = PictureDrawn(
        repo=FILM,
        recipe=made.recipes[path],
        kind="poster",
        picture=picture,
        size_bytes=len(JPEG),
        width=640,
        height=360,
    )
    made.tell(path, RecordPicture(drawn))


def test_a_picture_that_was_drawn_is_a_jpeg(tell: Tell) -> None:
    async def story(h: House) -> None:
        made = await shot(h, reel=REEL)
        draw(made, "reel")
        answer = await made.ann.get(f"/commits/{made.commit}/pictures/reel?kind=poster")
        assert (answer.status_code, answer.content) == (200, JPEG)
        assert answer.headers["Content-Type"] == "image/jpeg"
        address, etag = f"/commits/{made.commit}/pictures/reel", answer.headers["ETag"]
        assert (await made.ann.get(address, If_None_Match=etag)).status_code == 304
        (told_of,) = (await told(made, "reel"))["pictures"]
        assert (told_of["kind"], told_of["width"], told_of["size_bytes"]) == ("poster", 640, len(JPEG))

    tell(story)


@pytest.mark.parametrize("kind", ["poster", "sheet"])
def test_a_picture_that_was_not_drawn_or_is_gone_is_missing(tell: Tell, kind: str) -> None:
    async def story(h: House) -> None:
        made = await shot(h, reel=REEL)
        made.store("reel", "media", REEL)
        address = f"/commits/{made.commit}/pictures/reel?kind={kind}"
        expect_problem(await made.ann.get(address), 404, "MEDIA_PICTURE_NOT_DRAWN")
        draw(made, "reel", is_kept=False)
        expect_problem(await made.ann.get(address), 404, "MEDIA_PICTURE_NOT_DRAWN")

    tell(story)


def test_where_no_picture_will_ever_come_that_is_said(tell: Tell) -> None:
    async def story(h: House) -> None:
        made = await shot(h, notes=None, proxy=PROXY, song=SONG)
        made.store("proxy", "raw", PROXY)
        made.store("song", "media", SONG)
        for path, what in (("notes", "neither media"), ("proxy", "stored raw"), ("song", "intact sound")):
            answer = await made.ann.get(f"/commits/{made.commit}/pictures/{path}")
            expect_problem(answer, 404, "MEDIA_HAS_NO_PICTURE")
            assert what in answer.json()["detail"]

    tell(story)


def test_facts_of_a_version_that_is_not_known_are_left_alone(tell: Tell) -> None:
    async def story(h: House) -> None:
        made = await shot(h, reel=None)
        newer = bytes([9]) + REEL.encode()[1:]
        made.find("reel", made.stored("reel", "media", newer))
        body = await told(made, "reel")
        assert (body["mode"], body["facts"], body["sync"]) == ("media", None, None)
        assert paths(await made.ann.get(made.address)) == ["reel"]

    tell(story)
