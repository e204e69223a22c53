"""A commit's films, sounds and projects in a list: found by what is known, and warned of as each alone is."""

from __future__ import annotations

from dataclasses import replace

import httpx
import pytest

from domain.asset.events import UnsupportedCodecFlagged
from tests.gateway.conftest import QUICK, Tell
from tests.gateway.footage import FILM, PROXY, REEL, SONG, Shot, shot
from tests.gateway.house import House, expect_problem


def paths(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [each["path"] for each in answer.json()["items"]]


FILTERS = {
    "": ["cut", "proxy", "reel", "song"],
    "?codec=hvc1": ["reel"],
    "?codec=hvc1.2.4.L153.B0": ["reel"],
    "?codec=hvc": [],
    "?codec=mp4a": ["reel", "song"],
    "?hdr=hdr10": ["reel"],
    "?hdr=hdr10%2B": [],
    "?hdr=any": ["reel"],
    "?hdr=none": ["proxy", "song"],
    "?kind=video": ["proxy", "reel"],
    "?kind=audio": ["song"],
    "?kind=project": ["cut"],
    "?mode=raw": ["proxy"],
    "?mode=project": ["cut"],
    "?duration_ms_min=60101": ["proxy", "reel", "song"],
    "?duration_ms_min=60102": ["song"],
    "?duration_ms_max=60101": ["proxy", "reel"],
    "?prefix=re": ["reel"],
    "?kind=video&mode=media": ["reel"],
}


async def library(h: House) -> Shot:
    made = await shot(h, notes=None, cut=None, proxy=PROXY, reel=REEL, song=SONG)
    made.store("cut", "project")
    made.store("proxy", "raw", PROXY)
    made.store("reel", "media", REEL)
    made.store("song", "media", SONG)
    return made


def test_a_list_holds_what_is_asked_for_and_no_other_file(tell: Tell) -> None:
    async def story(h: House) -> None:
        made = await library(h)
        for asked, expected in FILTERS.items():
            assert paths(await made.ann.get(made.address + asked)) == expected, asked

    tell(story)


async def troubled(h: House) -> Shot:
    """A reel that drifts, a proxy in a codec of its own, a damaged take, and a song that is well."""
    made = await library(h)
    recipe = made.recipes["proxy"]
    made.store("proxy", "raw", PROXY, UnsupportedCodecFlagged(repo=FILM, recipe=recipe, codecs=("ap4h",)))
    made.damage("cut", "Missing moov box")
    return made


WARNED = {
    "corrupted-container": ["cut"],
    "unsupported-codec": ["proxy"],
    "av-sync": ["reel"],
    "opaque-project": [],
    "any": ["cut", "proxy", "reel"],
    "none": ["song"],
    "any&kind=video": ["proxy", "reel"],
    "any&codec=hvc1": ["reel"],
}


def test_files_are_found_by_what_is_the_matter_with_them(tell: Tell) -> None:
    async def story(h: House) -> None:
        made = await troubled(h)
        for asked, expected in WARNED.items():
            assert paths(await made.ann.get(f"{made.address}?warning={asked}")) == expected, asked

    tell(story)


def test_a_list_and_a_files_own_page_say_the_same(tell: Tell) -> None:
    async def story(h: House) -> None:
        made = await troubled(h)
        made.store("song", "media", REEL)  # what a newer reader found, unlike the tree's facts
        for line in (await made.ann.get(made.address)).json()["items"]:
            page = (await made.ann.get(f"{made.address}/{line['path']}")).json()
            for name in ("recipe", "mode", "kind", "sync", "warnings"):
                assert line[name] == page[name], (line["path"], name)
        assert paths(await made.ann.get(f"{made.address}?codec=hvc1")) == ["reel", "song"]
        assert paths(await made.ann.get(f"{made.address}?kind=audio")) == []

    tell(story)


def test_a_line_sums_a_file_up(tell: Tell) -> None:
    async def story(h: House) -> None:
        made = await library(h)
        (reel,) = (await made.ann.get(f"{made.address}?hdr=any")).json()["items"]
        assert reel["codecs"] == ["hvc1.2.4.L153.B0", "mp4a.40.2"]
        assert (reel["width"], reel["height"], reel["frame_rate"]) == (3840, 2160, "25")
        assert (reel["duration_ms"], reel["container"], reel["hdr"]) == (60_101, "mp4", "hdr10")
        assert (reel["sync"]["driftMs"], reel["warnings"]) == (101, ["av-sync"])

    tell(story)


@pytest.mark.parametrize(
    "question", ["hdr=hdr11", "kind=film", "mode=opaque", "warning=bad", "duration_ms_min=-1", "x=1"]
)
def test_a_filter_that_there_is_not_is_refused(tell: Tell, question: str) -> None:
    async def story(h: House) -> None:
        made = await shot(h, reel=REEL)
        expect_problem(await made.ann.get(f"{made.address}?{question}"), 400, "INVALID_QUERY")

    tell(story)


@pytest.mark.parametrize("limit", [1, 2, 500])
@pytest.mark.parametrize("most", ["media_walked_max", "media_loaded_max"])
def test_parts_of_a_list_are_the_whole(tell: Tell, limit: int, most: str) -> None:
    """Also where a part ends because enough was looked at."""

    async def story(h: House) -> None:
        made = await library(h)
        found, after = list[str](), ""
        while after is not None:
            part = await made.ann.get(f"{made.address}?limit={limit}&after={after}")
            found += paths(part)
            after = part.json()["page"]["next"]
        assert found == FILTERS[""]

    tell(story, limits=replace(QUICK, **{most: 2}))
