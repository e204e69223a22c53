"""The recovery of S4.1: the playable part is extracted beside the original, or the user is told why not."""

from __future__ import annotations

import pytest

from domain.asset.events import AssetSalvaged, AssetStored, AssetValidationFailed, SalvageFailed
from domain.format.media.movie import Movie
from domain.format.media.reading import read_movie
from domain.format.media.source import BytesSource
from domain.ports import NOTHING_PLAYABLE
from tests.media import encodes
from tests.media.making import truncated
from tests.media.studio import PATH, TARGET, Studio

WHOLE = encodes.fast_start()
DAMAGED = truncated(WHOLE, 60)


def salvaged(content: bytes) -> Studio:
    """A damaged film that was committed as raw, and what its salvage came to."""
    studio = Studio()
    studio.ask(studio.keep(content))
    studio.work()
    return studio


def movie(content: bytes) -> Movie:
    found = read_movie(BytesSource(content))
    assert found is not None
    return found


@pytest.mark.parametrize("percent", [35, 60, 95])
def test_s4_1_a_faststart_film_cut_off_is_salvaged_up_to_the_cut(percent: int) -> None:
    """A decoder that reads such a file to its end says that nothing is wrong with it."""
    damaged = truncated(WHOLE, percent)
    found = movie(salvaged(damaged).film.files()[TARGET])
    assert found.issues == ()
    whole = sum(track.samples.count for track in movie(WHOLE).tracks)
    assert 0.5 * percent / 100 < sum(track.samples.count for track in found.tracks) / whole < 1


def test_s4_1_a_film_in_fragments_is_salvaged_up_to_the_cut() -> None:
    found = movie(salvaged(truncated(encodes.fragmented_mp4(), 60)).film.files()[TARGET])
    assert found.issues == ()
    assert {track.handler for track in found.tracks} == {"vide", "soun"}


def test_s4_1_every_salvaged_sample_is_one_of_the_original() -> None:
    content = salvaged(DAMAGED).film.files()[TARGET]
    (track,) = movie(content).of_kind("vide")
    at, samples = track.samples.chunk_offsets[0], track.samples
    first = content[at : at + samples.sizes[0]]
    assert first in DAMAGED
    assert len(first) > 100


def test_s4_1_the_original_is_untouched() -> None:
    assert salvaged(DAMAGED).film.files()[PATH] == DAMAGED


def test_s4_1_the_salvaged_film_is_an_asset_of_its_own() -> None:
    studio = salvaged(DAMAGED)
    (told,) = studio.told(AssetSalvaged)
    assert isinstance(told, AssetSalvaged)
    stored = studio.asset(told.salvaged).stored
    assert isinstance(stored, AssetStored)
    assert (stored.mode, bool(stored.facts)) == ("media", True)
    assert told.salvaged != told.recipe


def test_s4_1_a_film_without_its_index_is_refused_and_the_user_told() -> None:
    studio = salvaged(truncated(encodes.mp4(), 60))
    (told,) = studio.told(SalvageFailed)
    assert isinstance(told, SalvageFailed)
    assert (told.code, bool(told.reason)) == (NOTHING_PLAYABLE, True)
    assert set(studio.film.files()) == {PATH}


def test_s4_1_a_salvaged_film_is_no_finding_of_damage() -> None:
    studio = salvaged(DAMAGED)
    failed = [each for each in studio.told(AssetValidationFailed) if isinstance(each, AssetValidationFailed)]
    assert {each.path for each in failed} == {PATH}
