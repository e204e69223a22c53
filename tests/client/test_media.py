"""Media over both transports: what is known of films, salvage, and pictures that are not drawn yet."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.client import Client, MediaFilter, ProblemError
from tests.client.conftest import Desk
from tests.media.making import clip, movie, song, truncated

REEL = movie(clip(), song(count=26))
"""Its sound ends 120 ms after its pictures."""


@pytest.fixture
def commit(client: Client, repo: str, desk: Desk) -> str:
    desk.put("reel.mov", REEL)
    desk.put("notes.txt", b"no film")
    pushed = client.push(repo, "main", desk.here, message="films", options=desk.pushing())
    assert pushed.commit is not None
    return pushed.commit.commit


def test_films_are_listed_and_chosen(client: Client, repo: str, commit: str) -> None:
    (line,) = client.media.list(repo, commit)
    assert (line.path, line.kind, line.mode, line.codecs) == ("reel.mov", "video", "media", ("avc1", "mp4a"))
    assert line.sync is not None
    assert (line.sync.valid, line.sync.drift_ms) == (False, 120)
    assert list(client.media.list(repo, commit, MediaFilter(kind="audio"))) == []
    assert list(client.media.list(repo, commit, MediaFilter(codec="avc1", duration_ms_min=520))) == [line]


def test_one_film_is_known_in_full(client: Client, repo: str, commit: str) -> None:
    reel = client.media.show(repo, commit, "reel.mov")
    assert reel.facts is not None
    assert (reel.facts["container"], reel.warnings, reel.issues) == ("mp4", ("av-sync",), ())
    assert reel.sync is not None
    assert [(each.kind, each.start_ms, each.duration_ms) for each in reel.sync.tracks] == [
        ("video", 0, 400),
        ("audio", 0, 520),
    ]
    notes = client.media.show(repo, commit, "notes.txt")
    assert (notes.mode, notes.facts, notes.sync, notes.project) == (None, None, None, None)


@pytest.fixture
def damaged(client: Client, repo: str, desk: Desk, commit: str) -> str:
    """The commit that brought cut.mov, after the others."""
    desk.put("cut.mov", truncated(REEL, 60))
    options = replace(desk.pushing(), raw=("cut.mov",))
    pushed = client.push(repo, "main", desk.here / "cut.mov", message="cut", options=options)
    assert pushed.commit is not None
    return pushed.commit.commit


def test_a_salvage_is_asked_for(client: Client, repo: str, damaged: str) -> None:
    asked = client.media.salvage(repo, "main", "cut.mov", commit=damaged)
    assert (asked.state, asked.target, asked.branch) == ("asked", "cut.salvaged.mov", "main")
    assert client.media.show(repo, damaged, "cut.mov").salvage is not None
    with pytest.raises(ProblemError) as refused:
        client.media.salvage(repo, "main", "cut.mov", commit=damaged, target="reel.mov")
    assert refused.value.code == "ALREADY_EXISTS"


def test_a_picture_of_no_film_is_missing(client: Client, repo: str, commit: str) -> None:
    with pytest.raises(ProblemError) as refused:
        client.media.picture(repo, commit, "notes.txt", kind="sheet")
    assert (refused.value.status, refused.value.code) == (404, "MEDIA_HAS_NO_PICTURE")
