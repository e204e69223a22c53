"""Repositories through the HTTP door."""

from __future__ import annotations

import asyncio

from tests.gateway.house import house


def test_a_repository_is_created_shown_and_listed() -> None:
    async def story() -> None:
        async with house() as h:
            ann = await h.repo("film")
            got = await h.ask("GET", "/repos/film", key=ann)
            assert got.status_code == 200, got.text
            assert got.json()["name"] == "film"
            listed = await h.ask("GET", "/repos", key=ann)
            assert [repo["name"] for repo in listed.json()["repos"]] == ["film"]

    asyncio.run(story())
