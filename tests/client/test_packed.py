"""Gzip'd projects through the real product: kept unpacked, had back packed, little sent after a save."""

from __future__ import annotations

import gzip
from dataclasses import replace

import pytest

from gateway.client import Client
from gateway.client.commits import Draft
from gateway.client.contents import Recipes
from gateway.client.errors import IntegrityError, ProblemError
from gateway.client.format.digest import Digest, digest_of
from gateway.client.format.recipe import Recipe
from gateway.client.rebuilding import Growing, Wanted
from tests.client.conftest import Desk, tree_of
from tests.client.test_tracks import commit_opaque, recipe_at
from tests.media.projects import clips, edited, saved

CLIPS = clips(1)
PROJECT = saved(CLIPS)


def test_a_project_is_kept_unpacked_and_checked_out_as_it_was(client: Client, repo: str, desk: Desk) -> None:
    desk.put("film.prproj", PROJECT)
    pushed = client.push(repo, "main", desk.here, message="one", options=desk.pushing())
    assert pushed.progress.bytes_read == pushed.progress.bytes_total == len(PROJECT)
    recipe = recipe_at(client, repo, "film.prproj")
    assert (recipe.packing is not None, recipe.size_bytes) == (True, len(PROJECT))
    client.checkout(repo, "main", desk.there, options=desk.out)
    assert tree_of(desk.there) == {"film.prproj": PROJECT}


def test_the_next_save_sends_what_changed(http: Client, repo: str, desk: Desk) -> None:
    desk.put("film.prproj", PROJECT)
    http.push(repo, "main", desk.here, message="one", options=desk.pushing())
    again = http.push(repo, "main", desk.here, message="two", options=desk.pushing())
    assert (again.commit, again.progress.bytes_sent, again.unchanged) == (None, 0, 1)
    http.checkout(repo, "main", desk.there, options=desk.out)
    file = desk.put("film.prproj", saved(edited(CLIPS, 2)))
    pushed = http.push(repo, "main", desk.here, message="three", options=desk.pushing())
    assert 0 < pushed.progress.bytes_sent < 100_000 < len(PROJECT)
    http.checkout(repo, "main", desk.there, options=desk.out)
    assert tree_of(desk.there) == {"film.prproj": file.read_bytes()}


def test_a_project_that_was_committed_packed_stays_as_it_is(http: Client, repo: str, desk: Desk) -> None:
    desk.put("reel.mov", PROJECT)
    commit_opaque(http, repo, PROJECT)
    again = http.push(repo, "main", desk.here, message="two", options=desk.pushing())
    assert (again.commit, again.unchanged, again.progress.bytes_sent) == (None, 1, 0)


def growing(desk: Desk, recipe: Recipe) -> Growing:
    wanted = Wanted("film.prproj", desk.there / "film.prproj", recipe.digest, recipe.size_bytes)
    return Growing(wanted, Recipes(recipe, recipe), None)


def test_a_project_that_was_fetched_and_not_packed_is_packed(http: Client, repo: str, desk: Desk) -> None:
    desk.put("film.prproj", PROJECT)
    http.push(repo, "main", desk.here, message="one", options=desk.pushing())
    begun = growing(desk, recipe_at(http, repo, "film.prproj"))
    begun.add(memoryview(gzip.decompress(PROJECT))[:600_000], 0)
    begun.close()
    out = http.checkout(repo, "main", desk.there, options=desk.out)
    assert 0 < out.progress.bytes_received < 400_000
    assert tree_of(desk.there) == {"film.prproj": PROJECT}


def test_a_project_that_does_not_come_out_is_not_there(http: Client, repo: str, desk: Desk) -> None:
    desk.put("film.prproj", PROJECT)
    http.push(repo, "main", desk.here, message="one", options=desk.pushing())
    begun = growing(desk, lying(recipe_at(http, repo, "film.prproj")))
    begun.add(memoryview(gzip.decompress(PROJECT)), 0)
    with pytest.raises(IntegrityError):
        begun.finish()
    assert list(desk.there.iterdir()) == []


def test_a_file_that_is_there_is_not_fetched(http: Client, repo: str, desk: Desk) -> None:
    desk.put("film.prproj", PROJECT)
    http.push(repo, "main", desk.here, message="one", options=desk.pushing())
    assert http.checkout(repo, "main", desk.here, options=desk.out).progress.bytes_received == 0


def lying(recipe: Recipe) -> Recipe:
    assert recipe.packing is not None
    return Recipe(recipe.streams, recipe.runs, replace(recipe.packing, digest=digest_of(b"a lie")))


def sent(client: Client, repo: str, recipe: Recipe, content: dict[Digest, bytes]) -> Draft:
    upload = client.sessions.within(repo, client.sessions.start(repo))
    upload.send_chunks(list(content.items()))
    upload.send_recipes([(recipe.digest, recipe.encode())])
    return Draft("main", upload.session.session, None, "a lie", {"film.prproj": recipe.digest.hex()})


def test_a_recipe_that_lies_about_its_packing_is_refused(http: Client, repo: str, desk: Desk) -> None:
    desk.put("film.prproj", PROJECT)
    http.push(repo, "main", desk.here, message="one", options=desk.pushing())
    true = recipe_at(http, repo, "film.prproj")
    chunks = {name: bytes(content) for name, content in http.contents.chunks(repo, true.children()).items()}
    with pytest.raises(ProblemError) as refused:
        http.commits.open(repo, sent(http, repo, lying(true), chunks))
    assert refused.value.code == "FORMAT_INVALID"
    assert "cannot be packed" in str(refused.value)
    assert recipe_at(http, repo, "film.prproj") == true
