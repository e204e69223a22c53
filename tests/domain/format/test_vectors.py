"""The vectors of docs/format-vectors, which another implementation may check itself with."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

import pytest

from domain.format.chunking import PROFILES, cut
from domain.format.digest import digest_of
from domain.format.errors import FormatError
from domain.format.manifest import Manifest
from domain.format.media.facts import MediaFacts
from domain.format.recipe import Recipe
from domain.format.succession import Succession
from domain.format.tree import Tree
from tests.domain.format import by_the_book, cuts_by_the_book, facts_by_the_book, successions_by_the_book
from tests.domain.format.by_the_book import VECTORS
from tests.domain.format.media.cut_up import cut_pictures

CLASSES: dict[str, type[Recipe | Tree | Manifest | Succession]] = {
    "recipes": Recipe,
    "trees": Tree,
    "manifests": Manifest,
    "successions": Succession,
}


def cases(kind: str) -> list[Any]:
    loaded: list[dict[str, Any]] = json.loads(VECTORS.joinpath(f"{kind}.json").read_text())
    return [pytest.param(case, id=case.get("why", f"cut {i}")) for i, case in enumerate(loaded)]


def objects() -> list[Any]:
    return [
        pytest.param(kind, *each.values, id=f"{kind}: {each.id}") for kind in CLASSES for each in cases(kind)
    ]


def plain(value: object) -> object:
    """A value of ours as the vectors spell it."""
    match value:
        case Recipe():
            streams = [{"profile_id": s.profile_id, "chunks": plain(tuple(s.chunks))} for s in value.streams]
            told = {"size_bytes": value.unpacked.size_bytes, "streams": streams, "runs": plain(value.runs)}
            return told if value.packing is None else told | {"packing": plain(value.packing)}
        case bytes():
            return value.hex()
        case tuple():
            return [plain(each) for each in value]
        case int() | str() | None:
            return value
        case Fraction():
            return [value.numerator, value.denominator]
        case _:
            fields: tuple[str, ...] = tuple(getattr(value, "__dataclass_fields__"))  # noqa: B009
            return {name: plain(getattr(value, name)) for name in fields}


@pytest.mark.parametrize(("kind", "case"), objects())
def test_an_object_decodes_to_its_fields(kind: str, case: dict[str, Any]) -> None:
    assert plain(CLASSES[kind].decode(bytes.fromhex(case["encoded"]))) == case["fields"]


@pytest.mark.parametrize(("kind", "case"), objects())
def test_an_object_encodes_to_its_bytes_and_name(kind: str, case: dict[str, Any]) -> None:
    encoded = bytes.fromhex(case["encoded"])
    decoded = CLASSES[kind].decode(encoded)
    assert decoded.encode() == encoded
    assert decoded.digest.hex() == case["name"]


@pytest.mark.parametrize("case", cases("refused"))
def test_an_object_against_the_rules_is_refused(case: dict[str, Any]) -> None:
    with pytest.raises(FormatError) as refusal:
        CLASSES[case["kind"]].decode(bytes.fromhex(case["encoded"]))
    assert refusal.value.code == case["code"]


@pytest.mark.parametrize("case", cases("cuts"))
def test_a_content_is_cut_where_the_vectors_say(case: dict[str, Any]) -> None:
    profile = next(each for each in PROFILES if each.name == case["profile"])
    content = cuts_by_the_book.content(case)
    assert digest_of(content).hex() == case["digest"]
    assert [len(chunk) for chunk in cut(content, profile)] == case["chunk_sizes"]


@pytest.mark.parametrize("case", cases("pictures"))
def test_pictures_are_cut_where_the_vectors_say(case: dict[str, Any]) -> None:
    content = cuts_by_the_book.xof(case["seed"], sum(map(sum, case["groups"])))
    assert digest_of(content).hex() == case["digest"]
    assert [len(chunk) for chunk in cut_pictures(case["groups"], content)] == case["chunk_sizes"]


@pytest.mark.parametrize("kind", ["pictures", "recipes", "trees", "manifests", "refused"])
def test_the_vectors_are_those_that_the_specification_makes(kind: str) -> None:
    made = json.dumps(by_the_book.ALL[kind](), indent=1) + "\n"
    assert VECTORS.joinpath(f"{kind}.json").read_text() == made


def test_the_succession_vectors_are_those_that_the_specification_makes() -> None:
    assert VECTORS.joinpath("successions.json").read_text() == successions_by_the_book.text()


@pytest.mark.long
def test_the_cut_vectors_are_those_that_the_specification_makes() -> None:
    assert VECTORS.joinpath("cuts.json").read_text() == json.dumps(cuts_by_the_book.cuts(), indent=1) + "\n"


@pytest.mark.parametrize("case", [each for each in cases("media-facts") if "fields" in each.values[0]])
def test_media_facts_decode_to_their_fields_and_encode_to_their_bytes(case: dict[str, Any]) -> None:
    facts = MediaFacts.decode(bytes.fromhex(case["encoded"]))
    assert plain(facts) == case["fields"]
    assert facts.encode().hex() == case["encoded"]


@pytest.mark.parametrize("case", [each for each in cases("media-facts") if "code" in each.values[0]])
def test_media_facts_against_the_rules_are_refused(case: dict[str, Any]) -> None:
    with pytest.raises(FormatError) as refusal:
        MediaFacts.decode(bytes.fromhex(case["encoded"]))
    assert refusal.value.code == case["code"]


def test_the_vectors_of_media_facts_are_those_that_the_specification_makes() -> None:
    made = json.dumps(facts_by_the_book.vectors(), indent=1) + "\n"
    assert VECTORS.joinpath("media-facts.json").read_text() == made
