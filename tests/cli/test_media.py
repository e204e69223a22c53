"""`dits media` on the real product: what is in the films of a commit, and what is asked for."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from infra.cli import exits
from infra.cli.media import At
from infra.clock import SystemClock
from tests.cli.conftest import Dits
from tests.media.encodes import fragmented_mp4
from tests.media.making import clip, movie, song, truncated

LONG_SONG = song(count=26)
"""Ends 120 ms after the clip."""
PROXY = replace(clip(), codec="ap4h")
FILES = {
    "reel.mov": movie(clip(), song()),
    "takes/late.mov": movie(clip(), LONG_SONG),
    "takes/proxy.mov": movie(PROXY),
    "takes/song.m4a": movie(song()),
    "notes.txt": b"neither film nor project",
}


@pytest.fixture
def footage(dits: Dits, film: str) -> str:
    """The commit of these films."""
    for path, content in FILES.items():
        put(path, content)
    return str(dits("push", *FILES, "-m", "films", "--root", ".", "--json").json["commit"])


def put(path: str, content: bytes) -> None:
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)


def paths(rows: list[dict[str, object]]) -> list[str]:
    return [str(row["path"]) for row in rows]


def test_one_file_is_shown_with_all_that_is_known(dits: Dits, footage: str) -> None:
    said = dits("media", "show", "reel.mov")
    assert (said.code, said.err) == (0, "")
    assert "  track 1    video, avc1, 160x90, 25 a second, from 0:00:00 to 0:00:00.400" in said.out
    assert "eng" in said.out
    assert "  sync       good (0 ms apart)" in said.out
    told = dits("media", "show", f"reel.mov@{footage}", "--json").json
    assert (told["mode"], told["kind"], told["warnings"]) == ("media", "video", [])
    facts = cast("dict[str, Any]", told["facts"])
    assert [track["codec"] for track in facts["tracks"]] == ["avc1", "mp4a"]


def test_what_is_not_understood_is_said_to_be(dits: Dits, footage: str) -> None:
    assert "neither media nor an editing project" in dits("media", "show", "notes.txt").out
    assert dits("media", "show", "other.mov").code == exits.NOT_FOUND


def test_a_codec_outside_the_set_is_told(dits: Dits, footage: str) -> None:
    said = dits("media", "show", "takes/proxy.mov").out
    assert "  stored     as raw" in said
    assert "Unsupported codec: ap4h (stored raw)" in said


@pytest.mark.usefixtures("film")
def test_a_container_that_passes_with_a_warning_says_so(dits: Dits) -> None:
    put("tail.mov", FILES["reel.mov"] + bytes(5))
    pushed = dits("push", "tail.mov", "-m", "tail")
    assert "note: tail.mov: 5 bytes follow the last box (container-warning)" in pushed.err
    assert "  warning    5 bytes follow the last box" in dits("media", "show", "tail.mov").out
    (told,) = dits("media", "list", "--warning", "container-warning", "--json").rows
    assert told["path"] == "tail.mov"


@pytest.mark.usefixtures("footage")
def test_a_list_is_chosen_by_options(dits: Dits) -> None:
    everything = ["reel.mov", "takes/late.mov", "takes/proxy.mov", "takes/song.m4a"]
    assert paths(dits("media", "list", "--json").rows) == everything
    assert paths(dits("media", "list", "takes", "--kind", "video", "--json").rows) == everything[1:3]
    assert paths(dits("media", "list", "takes/@main", "--codec", "mp4a", "--json").rows) == [
        "takes/late.mov",
        "takes/song.m4a",
    ]
    assert paths(dits("media", "list", "--mode", "raw", "--json").rows) == ["takes/proxy.mov"]
    assert paths(dits("media", "list", "--warning", "any", "--json").rows) == everything[1:3]
    assert paths(dits("media", "list", "--min-duration", "1s", "--json").rows) == []
    assert paths(dits("media", "list", "notes.txt", "--json").rows) == []
    assert dits("media", "list", "note", "--json").code == exits.NOT_FOUND


@pytest.mark.usefixtures("footage")
def test_a_list_is_a_table_for_people(dits: Dits) -> None:
    head, first, *_ = dits("media", "list").out.splitlines()
    assert head.split()[:3] == ["path", "kind", "codecs"]
    assert first.split()[:5] == ["reel.mov", "video", "avc1", "mp4a", "400"]


@pytest.mark.usefixtures("footage")
def test_a_report_says_what_a_resync_needs(dits: Dits) -> None:
    reel, late, *_ = dits("media", "report", "--json").rows
    assert (reel["path"], reel["valid"], reel["drift_ms"], reel["offset_ms"]) == ("reel.mov", True, 0, 0)
    assert (late["valid"], late["drift_ms"]) == (False, 120)
    begin = [(each["kind"], each["start_ms"]) for each in cast("list[dict[str, Any]]", late["tracks"])]
    assert begin == [("video", 0), ("audio", 0)]
    assert late["suggestion"] == "Tracks have significant duration mismatch"
    said = dits("media", "report", "takes/late.mov")
    assert (len(said.out.splitlines()), said.err) == (2, "1 of 1 need a look\n")


@pytest.mark.usefixtures("film")
def test_a_report_lists_the_gaps_with_their_places(dits: Dits) -> None:
    holed = replace(song(), durations=(960,) * 5 + (24_960,) + (960,))
    put("gap.mov", movie(clip(23), holed))
    dits("push", "gap.mov", "-m", "gap")
    lines = [line.split() for line in dits("media", "report", "gap.mov").out.splitlines()]
    assert lines[2:] == [["path", "track", "at_ms", "lasting_ms"], ["gap.mov", "2", "120", "500"]]
    (told,) = dits("media", "report", "gap.mov", "--json").rows
    assert (told["gaps"], told["first_gaps"]) == (1, [{"track": 2, "at_ms": 120, "lasting_ms": 500}])


@pytest.mark.usefixtures("film")
def test_a_refused_film_is_shown_and_salvaged_by_its_commit(dits: Dits) -> None:
    put("cut.mov", truncated(FILES["reel.mov"], 60))
    refused = dits("push", "cut.mov", "-m", "cut")
    assert (refused.code, "[CORRUPTED_CONTAINER]: send it again" in refused.err) == (exits.REFUSED, True)
    assert "\n  error: Missing moov box\n" in refused.err
    issues = json.loads(dits("push", "cut.mov", "-m", "cut", "--json").err)["issues"]
    assert {"severity": "error", "message": "Missing moov box"} in issues
    named = re.search(r"\(commit ([0-9a-f]{32})\)", refused.err)
    assert named is not None, refused.err
    place = f"cut.mov@{named[1]}"
    shown = dits("media", "show", place).out
    assert "  damage     error: Missing moov box" in shown
    assert "  stored     in no commit: it is a damaged container" in shown
    assert dits("media", "salvage", place).out == "Salvage asked for: cut.salvaged.mov on main\n"


@pytest.mark.usefixtures("footage")
def test_a_salvage_is_asked_for_and_answered_at_once(dits: Dits) -> None:
    put("cut.mov", truncated(FILES["reel.mov"], 60))
    dits("push", "cut.mov", "-m", "cut", "--raw", "cut.mov")
    said = dits("media", "salvage", "cut.mov", "--target", "x.mov")
    assert (said.code, said.out) == (0, "Salvage asked for: x.mov on main\n")
    assert "says what became of it" in said.err
    assert dits("media", "salvage", "cut.mov", "--target", "notes.txt").code == exits.CONFLICT
    assert dits("media", "salvage", "cut.mov", "-b", "tpyo").code == exits.NOT_FOUND


@pytest.mark.usefixtures("footage")
@pytest.mark.parametrize("path", ["reel.mov", "notes.txt"])
def test_what_is_not_damaged_is_not_salvaged(dits: Dits, path: str) -> None:
    said = dits("media", "salvage", path)
    assert (said.code, "[MEDIA_NOT_DAMAGED]" in said.err) == (exits.REFUSED, True)


@pytest.mark.usefixtures("footage")
def test_a_picture_that_nobody_can_draw_is_missing(dits: Dits) -> None:
    said = dits("media", "picture", "takes/song.m4a", "--out", "song.jpg")
    assert (said.code, Path("song.jpg").exists()) == (exits.NOT_FOUND, False)
    assert "it is an intact sound [MEDIA_HAS_NO_PICTURE]" in said.err


def eventually(holds: Callable[[], bool]) -> None:
    """The media worker has other work as well."""
    clock = SystemClock()
    deadline_ms = clock.monotonic_ms() + 60_000
    while not holds():
        assert clock.monotonic_ms() < deadline_ms, "it never came true"
        clock.sleep(0.2)


@pytest.mark.usefixtures("film")
def test_a_film_has_a_poster_and_a_damaged_one_is_salvaged(dits: Dits) -> None:
    put("reel.mp4", fragmented_mp4())
    put("cut.mp4", truncated(fragmented_mp4(), 70))
    pushed = dits("push", "reel.mp4", "cut.mp4", "--raw", "cut.mp4", "-m", "films")
    assert (pushed.code, "note: cut.mp4" in pushed.err) == (0, True)
    (damaged,) = dits("media", "list", "--warning", "corrupted-container", "--json").rows
    assert (damaged["path"], damaged["warnings"]) == ("cut.mp4", ["corrupted-container"])
    assert dits("media", "salvage", "cut.mp4").code == 0
    eventually(lambda: dits("media", "picture", "reel.mp4", "--out", "poster.jpg").code == 0)
    assert Path("poster.jpg").read_bytes().startswith(b"\xff\xd8")
    eventually(lambda: "  salvage    asked for" not in dits("media", "show", "cut.mp4").out)
    assert "  salvage    done: cut.salvaged.mp4 in " in dits("media", "show", "cut.mp4").out
    assert "cut.salvaged.mp4" in dits("media", "list", "--mode", "media").out


@pytest.mark.parametrize(
    ("text", "path", "ref"),
    [("a.mov", "a.mov", None), ("a.mov@main", "a.mov", "main"), ("a@2x.png@v1", "a@2x.png", "v1")],
)
def test_what_follows_the_last_at_names_the_commit(text: str, path: str, ref: str | None) -> None:
    place = At().convert(text, None, None)
    assert (place.path, place.ref) == (path, ref)


@pytest.mark.usefixtures("film")
def test_a_path_that_holds_an_at_is_found_whole(dits: Dits) -> None:
    put("shot@2x.mov", FILES["reel.mov"])
    dits("push", "shot@2x.mov", "-m", "at")
    assert dits("media", "show", "shot@2x.mov").out.startswith("shot@2x.mov\n")
    assert dits("media", "show", "shot@2x.mov@main", "--json").json["path"] == "shot@2x.mov"
    assert paths(dits("media", "list", "shot@2x.mov", "--json").rows) == ["shot@2x.mov"]
    lost = dits("media", "show", "lost@3x.mov")
    said = "There is no file 'lost@3x.mov' on main, and no commit, branch or tag '3x.mov' here"
    assert (lost.code, said in lost.err) == (exits.NOT_FOUND, True)


@pytest.mark.usefixtures("film")
def test_an_at_without_a_name_is_a_wrong_command_line(dits: Dits) -> None:
    assert dits("media", "show", "a.mov@").code == exits.USAGE
