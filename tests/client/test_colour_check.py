"""What a film says of its colour is looked at again when it was put together (S4.4)."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from gateway.client import Client
from gateway.client.colour_check import lost_hdr
from gateway.client.format.digest import digest_of
from gateway.client.format.extension import MEDIA_FACTS, Extension, Extensions
from gateway.client.format.media.facts import MediaFacts, facts_of
from gateway.client.format.media.reading import read_movie
from gateway.client.format.media.source import BytesSource
from gateway.client.rebuilding import Wanted
from tests.client.conftest import Desk
from tests.media import encodes


def facts(content: bytes) -> MediaFacts:
    source = BytesSource(content)
    movie = read_movie(source)
    assert movie is not None
    return facts_of(source, movie)


def noted(found: MediaFacts) -> Extensions:
    return (Extension(MEDIA_FACTS, found.encode()),)


def written(place: Path, content: bytes, extensions: Extensions) -> Wanted:
    target = place / "film.mp4"
    target.write_bytes(content)
    return Wanted("film.mp4", target, digest_of(b"recipe"), len(content), extensions)


def test_s4_4_a_film_that_says_what_it_said_has_lost_nothing(tmp_path: Path) -> None:
    content = encodes.hdr10()
    assert facts(content).hdr.type == "hdr10"
    assert lost_hdr(written(tmp_path, content, noted(facts(content)))) == ()


@pytest.mark.parametrize("part", ["mastering_display", "content_light", "dolby_vision"])
def test_s4_4_each_kind_that_is_gone_is_named(tmp_path: Path, part: str) -> None:
    content = encodes.hdr10()
    names = {
        "mastering_display": "masteringDisplay",
        "content_light": "contentLightLevel",
        "dolby_vision": "dolbyVision",
    }
    change = partial(replace, facts(content).hdr)
    before = replace(facts(content), hdr=change(**{part: b"another"}))
    assert lost_hdr(written(tmp_path, content, noted(before))) == (names[part],)


def test_s4_4_a_film_without_range_is_not_looked_at(tmp_path: Path) -> None:
    content = encodes.mp4()
    missing = replace(written(tmp_path, content, noted(facts(content))), target=tmp_path / "none")
    assert lost_hdr(missing) == ()
    assert lost_hdr(replace(missing, extensions=())) == ()


def test_s4_4_facts_of_a_later_writer_are_passed_over(tmp_path: Path) -> None:
    unknown = (Extension(MEDIA_FACTS, b"\xff" + facts(encodes.hdr10()).encode()[1:]),)
    assert lost_hdr(written(tmp_path, encodes.hdr10(), unknown)) == ()


def test_s4_4_a_checkout_looks_at_what_it_wrote(client: Client, repo: str, desk: Desk) -> None:
    desk.put("film.mp4", encodes.hdr10())
    client.push(repo, "main", desk.here, message="one", options=desk.pushing())
    out = client.checkout(repo, "main", desk.there, options=desk.out)
    assert (out.written, out.hdr_lost) == (("film.mp4",), {})
    assert desk.there.joinpath("film.mp4").read_bytes() == encodes.hdr10()
