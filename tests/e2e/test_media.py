"""A film on real processes: cut by its tracks, looked at, refused when it is damaged, taken raw (S4.1)."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.client import CheckoutOptions, Client, ProblemError, PushOptions
from gateway.client.results import Commit
from tests.e2e.product import Product
from tests.media import encodes
from tests.media.making import truncated

FILM = "reel.mp4"


def push(client: Client, repo: str, place: Path, content: bytes, **how: object) -> Commit:
    file = place / FILM
    file.write_bytes(content)
    options = PushOptions(root=place, notes=place / "notes", **how)  # type: ignore[arg-type]
    commit = client.push(repo, "main", file, message="m", options=options).commit
    assert commit is not None
    return commit


@pytest.mark.parametrize("whole_file", [False, True], ids=["chunks", "whole"])
def test_a_film_comes_back_bit_for_bit(product: Product, repo: str, tmp_path: Path, whole_file: bool) -> None:
    with product.client() as owner:
        commit = push(owner, repo, tmp_path, encodes.several_tracks(), whole_file=whole_file)
        assert commit.manifest is not None
        options = CheckoutOptions(notes=tmp_path / "notes")
        owner.checkout(repo, commit.commit, tmp_path / "out", options=options)
    assert (tmp_path / "out" / FILM).read_bytes() == encodes.several_tracks()


def test_both_ways_in_make_one_recipe(product: Product, repo: str, tmp_path: Path) -> None:
    with product.client() as owner:
        push(owner, repo, tmp_path, encodes.mov())
        options = PushOptions(root=tmp_path, notes=tmp_path / "notes", whole_file=True)
        again = owner.push(repo, "main", tmp_path / FILM, message="again", options=options)
    assert (again.commit, again.unchanged) == (None, 1)


def test_a_damaged_film_is_refused_with_its_issues_and_taken_raw(
    product: Product, repo: str, tmp_path: Path
) -> None:
    damaged = truncated(encodes.fast_start(), 60)
    with product.client() as owner:
        with pytest.raises(ProblemError) as refusal:
            push(owner, repo, tmp_path, damaged)
        problem = refusal.value
        assert (problem.code, problem.details["recovery"]) == ("CORRUPTED_CONTAINER", ["salvage", "raw"])
        commit = push(owner, repo, tmp_path, damaged, raw=("*.mp4",))
    assert [each.code for each in commit.warnings] == ["corrupted-container"]
