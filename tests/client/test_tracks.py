"""Media through the real product: cut by tracks, had back bit for bit, little of it sent after an edit."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import lru_cache
from random import Random

import pytest

from gateway.client import Client, Progress
from gateway.client.commits import Draft
from gateway.client.errors import FileMovedOnError
from gateway.client.format.chunking import OPAQUE, cut
from gateway.client.format.digest import Digest
from gateway.client.format.recipe import ChunkRef, Recipe
from tests.client.conftest import Desk, tree_of
from tests.media import encodes
from tests.media.making import MadeTrack, movie

MIB = 1 << 20
STEP = 8


def reel(seed: int, groups: int = 20) -> MadeTrack:
    """Groups of 8 pictures, of 320 KB each."""
    chance = Random(seed)
    samples = tuple(chance.randbytes(40_000) for _ in range(groups * STEP))
    return MadeTrack(samples, sync=tuple(range(0, len(samples), STEP)))


def sound(seed: int, count: int = 1600) -> MadeTrack:
    chance = Random(seed)
    samples = tuple(chance.randbytes(400) for _ in range(count))
    return MadeTrack(samples, "soun", "mp4a", 48_000, durations=(1024,), per_chunk=10)


@lru_cache
def base() -> bytes:
    return movie(reel(1), sound(2))


def faststart() -> bytes:
    return movie(reel(1), sound(2), fast_start=True)


def another_sound() -> bytes:
    return movie(reel(1), sound(3))


def trim() -> bytes:
    return movie(reel(1, groups=5), sound(2))


def recipe_at(client: Client, repo: str, path: str) -> Recipe:
    head = client.branches.get(repo, "main").commit
    (file,) = (each for each in client.commits.files(repo, head) if each.path == path)
    return client.contents.recipe(repo, Digest(bytes.fromhex(file.recipe)))


@pytest.mark.parametrize("made", [encodes.mov, encodes.fragmented_mp4, encodes.several_tracks])
def test_a_real_encode_is_pushed_by_tracks_and_checked_out(
    client: Client, repo: str, desk: Desk, made: Callable[[], bytes]
) -> None:
    desk.put("reel.mov", made())
    client.push(repo, "main", desk.here, message="one", options=desk.pushing())
    assert len(recipe_at(client, repo, "reel.mov").streams) >= 3
    client.checkout(repo, "main", desk.there, options=desk.out)
    assert tree_of(desk.there) == {"reel.mov": made()}


def test_an_unchanged_film_is_not_sent_again(http: Client, repo: str, desk: Desk) -> None:
    desk.put("reel.mov", base())
    http.push(repo, "main", desk.here, message="one", options=desk.pushing())
    again = http.push(repo, "main", desk.here, message="two", options=desk.pushing())
    assert (again.commit, again.progress.bytes_sent, again.unchanged) == (None, 0, 1)
    assert again.progress.bytes_known == again.progress.bytes_read == len(base())


@pytest.mark.parametrize(
    ("edited", "sent_max"), [(faststart, 100_000), (another_sound, 1_000_000), (trim, 300_000)]
)
def test_an_edit_sends_and_fetches_what_is_new_in_its_track(
    http: Client, repo: str, desk: Desk, edited: Callable[[], bytes], sent_max: int
) -> None:
    desk.put("reel.mov", base())
    http.push(repo, "main", desk.here, message="one", options=desk.pushing())
    http.checkout(repo, "main", desk.there, options=desk.out)
    desk.put("reel.mov", edited())
    pushed = http.push(repo, "main", desk.here, message="two", options=desk.pushing())
    out = http.checkout(repo, "main", desk.there, options=desk.out)
    assert pushed.progress.bytes_sent <= sent_max
    assert out.progress.bytes_received <= sent_max
    assert tree_of(desk.there) == {"reel.mov": edited()}


def test_a_film_that_was_committed_opaque_stays_as_it_is(http: Client, repo: str, desk: Desk) -> None:
    file = desk.put("reel.mov", base())
    commit_opaque(http, repo, base())
    again = http.push(repo, "main", desk.here, message="two", options=desk.pushing())
    assert (again.commit, again.unchanged, again.progress.bytes_sent) == (None, 1, 0)
    with file.open("r+b") as edited:
        edited.seek(MIB)
        edited.write(b"!")
    pushed = http.push(repo, "main", desk.here, message="three", options=desk.pushing())
    assert pushed.changed == ("reel.mov",)
    assert len(recipe_at(http, repo, "reel.mov").streams) == 3


def commit_opaque(client: Client, repo: str, content: bytes) -> None:
    """As a client did that knew no tracks."""
    chunks = list(cut(content, OPAQUE))
    recipe = Recipe.opaque(map(ChunkRef.of, chunks))
    upload = client.sessions.within(repo, client.sessions.start(repo))
    upload.send_chunks([(ChunkRef.of(chunk).digest, chunk) for chunk in chunks])
    upload.send_recipes([(recipe.digest, recipe.encode())])
    changes = {"reel.mov": recipe.digest.hex()}
    client.commits.open(repo, Draft("main", upload.session.session, None, "one", changes))


def test_a_film_that_is_cut_off_while_it_is_read_is_not_committed(
    http: Client, repo: str, desk: Desk
) -> None:
    file = desk.put("reel.mov", movie(reel(1, groups=60)))

    def cut_off(_now: Progress) -> None:
        os.truncate(file, 9 * MIB)

    with pytest.raises(FileMovedOnError):
        http.push(repo, "main", desk.here, message="m", options=desk.pushing(), progress=cut_off)


def test_a_checkout_of_tracks_goes_on_where_it_was(http: Client, repo: str, desk: Desk) -> None:
    desk.put("reel.mov", movie(reel(1, groups=200), sound(2, 16_000)))
    http.push(repo, "main", desk.here, message="one", options=desk.pushing())

    def die(now: Progress) -> None:
        if now.bytes_received > 40 * MIB:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        http.checkout(repo, "main", desk.there, options=desk.out, progress=die)
    out = http.checkout(repo, "main", desk.there, options=desk.out)
    assert out.progress.bytes_known >= 38 * MIB
    assert tree_of(desk.there) == tree_of(desk.here)
