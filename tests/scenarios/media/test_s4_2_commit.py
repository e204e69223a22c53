"""What a commit says of codecs, timing and projects: it takes them all, and tells (S4.2, S4.3, S4.5)."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from domain.asset.events import (
    AssetStored,
    AvSyncWarningRaised,
    FoundGap,
    HdrMetadataExtracted,
    NleProjectStoredOpaque,
    UnsupportedCodecFlagged,
)
from tests.gateway.conftest import QUICK
from tests.gateway.house import house
from tests.gateway.uploading import Client
from tests.media import encodes
from tests.media.making import clip, movie, song
from tests.scenarios.media.committing import PATH, committed

PRORES = movie(replace(clip(), codec="ap4h"), song())
LATE = movie(clip(), replace(song(40)))
PREMIERE = b'<?xml version="1.0"?><PremiereData Version="3"><Project Version="99"/></PremiereData>'


def test_s4_2_an_unsupported_codec_is_stored_raw_and_flagged() -> None:
    made = committed(PRORES)
    assert (made.answer.status_code, made.answer.headers["X-Dits-Warning"]) == (201, "unsupported-codec")
    (warning,) = made.body["warnings"]
    told = {"path": PATH, "code": "unsupported-codec", "fallback": "raw"}
    assert warning == {**told, "warning": "Unsupported codec: ap4h"}
    assert [getattr(event, "codecs", None) for event in made.told(UnsupportedCodecFlagged)] == [("ap4h",)]
    assert made.asset.stored is not None
    assert made.asset.stored.mode == "raw"


def test_s4_2_bytes_of_an_unsupported_codec_come_out_as_they_went_in() -> None:
    async def story() -> None:
        async with house(limits=QUICK) as h:
            ann = Client(h, await h.repo())
            commit = await ann.publish({PATH: encodes.prores()})
            known = (await ann.get(f"/commits/{commit}/media/{PATH}")).json()
            assert ([each["codec"] for each in known["unsupported"]], known["mode"]) == (["ap4h"], "raw")
            assert (await ann.get(f"/commits/{commit}/files/{PATH}")).content == encodes.prores()

    asyncio.run(story())


def test_s4_2_a_supported_codec_is_not_flagged() -> None:
    made = committed(encodes.mp4())
    assert (made.told(UnsupportedCodecFlagged), made.body["warnings"]) == ([], [])
    assert len(made.told(AssetStored)) == 1


def test_s4_3_tracks_of_other_lengths_are_taken_and_told() -> None:
    made = committed(LATE)
    (raised,) = made.told(AvSyncWarningRaised)
    assert isinstance(raised, AvSyncWarningRaised)
    assert raised.drift_ms > 100
    assert raised.suggestion == "Tracks have significant duration mismatch"
    assert made.answer.headers["X-Dits-Warning"] == "av-sync"


def test_s4_3_gaps_are_recorded_with_their_places() -> None:
    holed = replace(song(), durations=(960,) * 5 + (24_960,) + (960,))
    made = committed(movie(clip(23), holed))
    (raised,) = made.told(AvSyncWarningRaised)
    assert isinstance(raised, AvSyncWarningRaised)
    assert (raised.gaps, raised.first_gaps) == (1, (FoundGap(track=2, at_ms=120, lasting_ms=500),))
    assert raised.suggestion == "Tracks have timestamp gaps"


def test_s4_4_colour_metadata_is_kept_apart_when_it_is_committed() -> None:
    made = committed(encodes.hdr10())
    (extracted,) = made.told(HdrMetadataExtracted)
    assert isinstance(extracted, HdrMetadataExtracted)
    assert (extracted.hdr, len(extracted.mastering_display), len(extracted.content_light)) == ("hdr10", 24, 4)
    assert made.facts is not None
    assert made.facts.hdr.type == "hdr10"


def test_s4_5_a_project_of_an_unknown_version_is_stored_opaque() -> None:
    made = committed(PREMIERE)
    assert made.answer.status_code == 201
    (stored,) = made.told(NleProjectStoredOpaque)
    assert isinstance(stored, NleProjectStoredOpaque)
    assert stored.nle == "premiere"
    assert made.body["warnings"][0]["code"] == "opaque-project"
