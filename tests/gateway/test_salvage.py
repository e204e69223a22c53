"""Salvage is asked for: beside the original, one at a time, and of a file that was refused as well (S4.1)."""

from __future__ import annotations

from typing import Any

import httpx

from domain.asset import decider as assets
from domain.asset.decider import EndSalvage, asset_id
from domain.asset.events import AssetSalvaged, SalvageAsked, SalvageFailed
from domain.ids import CommitId, Digest, FilePath
from tests.gateway.conftest import Tell
from tests.gateway.films import sagas
from tests.gateway.footage import FILM, REEL, Shot, shot
from tests.gateway.house import House, expect_problem
from tests.gateway.uploading import Client
from tests.media.making import clip, movie, truncated

SALVAGED = Digest(bytes(range(32)))


async def ask(made: Shot, key: str = "once", **asked: Any) -> httpx.Response:
    body = {"branch": "main", "path": "reel.mov", "commit": made.commit, **asked}
    headers = {"Idempotency-Key": key}
    return await made.house.ask(
        "POST", "/repos/film/media/salvage", key=made.ann.key, body=body, headers=headers
    )


async def cut(h: House, *others: str) -> Shot:
    """A commit of a damaged film, and of these."""
    made = await shot(h, **{"reel.mov": None}, **dict.fromkeys(others))
    made.damage("reel.mov", "Missing moov box")
    return made


def asked_of(made: Shot, path: str = "reel.mov") -> SalvageAsked | None:
    return made.house.core.log.load(assets.DECIDER, asset_id(FILM, made.recipes[path])).state.asked


async def told(made: Shot, path: str = "reel.mov") -> Any:
    return (await made.ann.get(f"{made.address}/{path}")).json()["salvage"]


def salvaged(made: Shot, target: str) -> EndSalvage:
    recipe = made.recipes["reel.mov"]
    return EndSalvage(
        AssetSalvaged(
            repo=FILM,
            recipe=recipe,
            salvaged=SALVAGED,
            target=FilePath(target),
            commit=CommitId("b" * 32),
        )
    )


def test_what_is_asked_for_lies_beside_the_original(tell: Tell) -> None:
    async def story(h: House) -> None:
        made = await cut(h)
        answer = await ask(made)
        assert (answer.status_code, answer.json()["state"]) == (202, "asked")
        assert answer.json()["target"] == "reel.salvaged.mov"
        assert answer.headers["Location"] == f"/repos/film{made.address}/reel.mov"
        wanted = asked_of(made)
        assert wanted is not None
        assert (wanted.path, wanted.branch_name, wanted.asked_by_name) == ("reel.mov", "main", "ann")

    tell(story)


def test_without_a_commit_the_branchs_head_is_meant(tell: Tell) -> None:
    async def story(h: House) -> None:
        made = await cut(h)
        assert (await ask(made, commit=None)).status_code == 202
        assert asked_of(made) is not None
        expect_problem(await ask(made, "2", commit=None, branch="trim"), 404, "NOT_FOUND")

    tell(story)


def test_a_retry_is_answered_as_the_first_time(tell: Tell) -> None:
    """I6: also when the salvage is over by then, and its file is there."""

    async def story(h: House) -> None:
        made = await cut(h, "reel.salvaged.mov")
        first = await ask(made, target="new.mov")
        made.tell("reel.mov", salvaged(made, "new.mov"))
        again = await ask(made, target="new.mov")
        assert (again.status_code, again.json()) == (202, first.json())
        assert again.headers["Idempotency-Replayed"] == "true"
        assert asked_of(made) is None

    tell(story)


def test_one_that_is_under_way_is_answered_with_itself(tell: Tell) -> None:
    async def story(h: House) -> None:
        made = await cut(h)
        await ask(made)
        assert (await ask(made, "another", target="x.mov")).json()["target"] == "reel.salvaged.mov"

    tell(story)


def test_no_file_is_overwritten_but_the_last_salvage(tell: Tell) -> None:
    async def story(h: House) -> None:
        made = await cut(h, "reel.salvaged.mov")
        expect_problem(await ask(made), 409, "ALREADY_EXISTS")
        expect_problem(await ask(made, "2", target="reel.mov"), 422, "INVALID_BODY")
        assert (await ask(made, "3", target="other.mov")).status_code == 202
        made.tell("reel.mov", salvaged(made, "reel.salvaged.mov"))
        assert (await ask(made, "4")).status_code == 202

    tell(story)


def test_a_branch_that_is_not_there_is_not_made(tell: Tell) -> None:
    async def story(h: House) -> None:
        made = await cut(h)
        expect_problem(await ask(made, branch="tpyo"), 404, "NOT_FOUND")
        assert asked_of(made) is None

    tell(story)


def test_an_intact_film_is_not_salvaged(tell: Tell) -> None:
    async def story(h: House) -> None:
        made = await shot(h, **{"reel.mov": REEL})
        made.store("reel.mov", "media", REEL)
        answer = await ask(made)
        expect_problem(answer, 422, "MEDIA_NOT_DAMAGED")
        assert answer.json()["detail"].endswith("it is a film whose container is intact")
        assert asked_of(made) is None

    tell(story)


def test_what_is_no_media_is_not_salvaged(tell: Tell) -> None:
    async def story(h: House) -> None:
        made = await shot(h, **{"reel.mov": None})
        answer = await ask(made)
        expect_problem(answer, 422, "MEDIA_NOT_DAMAGED")
        assert answer.json()["detail"].endswith("it is neither media nor an editing project")

    tell(story)


def test_what_became_of_it_is_told(tell: Tell) -> None:
    async def story(h: House) -> None:
        made = await cut(h)
        assert await told(made) is None
        await ask(made)
        assert (await told(made))["state"] == "asked"
        made.tell("reel.mov", salvaged(made, "reel.salvaged.mov"))
        over = await told(made)
        assert (over["state"], over["commit"], over["recipe"]) == ("salvaged", "b" * 32, SALVAGED.hex())

    tell(story)


def test_one_that_failed_says_why_and_may_be_asked_for_again(tell: Tell) -> None:
    async def story(h: House) -> None:
        made = await cut(h)
        await ask(made)
        recipe, reason = made.recipes["reel.mov"], "no picture could be read"
        failed = SalvageFailed(repo=FILM, recipe=recipe, code="NOTHING", reason=reason)
        made.tell("reel.mov", EndSalvage(failed))
        over = await told(made)
        assert (over["state"], over["code"], over["reason"]) == ("failed", "NOTHING", reason)
        await ask(made, "again")
        assert (await told(made))["state"] == "asked"

    tell(story)


def test_who_may_only_read_may_not_ask(tell: Tell) -> None:
    async def story(h: House) -> None:
        made = await cut(h)
        reader = Shot(h, Client(h, h.key("bob", "read")), made.commit, made.recipes)
        answer = await ask(reader)
        assert answer.status_code in {403, 404}
        assert asked_of(made) is None

    tell(story)


# ------------------------------------------------------------------ of a refused commit
async def refused(h: House, recipe: str, ann: Client, session: str) -> tuple[Shot, httpx.Response]:
    """A commit that fails, and its answer."""
    changes = [{"path": "reel.mov", "recipe": recipe}]
    body = {"branch": "main", "session": session, "changes": changes}
    with sagas(h):
        answer = await h.ask(
            "POST", "/repos/film/commits", key=ann.key, body=body, headers={"Idempotency-Key": "cut"}
        )
    commit = str(answer.json()["details"]["commit"])
    return Shot(h, ann, commit, {"reel.mov": Digest(bytes.fromhex(recipe))}), answer


def test_a_refused_file_can_be_looked_at_and_salvaged_by_its_commit(tell: Tell) -> None:
    async def story(h: House) -> None:
        ann = Client(h, await h.repo())
        session = await ann.session()
        sent = await ann.put(session, "reel.mov", truncated(movie(clip()), 60))
        made, answer = await refused(h, sent.json()["recipe"], ann, session)
        expect_problem(answer, 422, "CORRUPTED_CONTAINER")
        body = (await ann.get(f"{made.address}/reel.mov")).json()
        assert "Missing moov box" in [each["message"] for each in body["issues"]]
        assert (await ask(made)).status_code == 202
        wanted = asked_of(made)
        assert wanted is not None
        assert wanted.recipe == made.recipes["reel.mov"]

    tell(story)


def test_a_commit_that_was_refused_for_another_reason_shows_no_file(tell: Tell) -> None:
    """Its content was never verified to be this repository's."""

    async def story(h: House) -> None:
        ann = Client(h, await h.repo())
        made, _ = await refused(h, "ab" * 32, ann, await ann.session())
        expect_problem(await ask(made), 404, "NOT_FOUND")
        expect_problem(await ann.get(f"{made.address}/reel.mov"), 404, "NOT_FOUND")

    tell(story)
