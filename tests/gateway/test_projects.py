"""An editing project's version has one word: in its upload's answer, its commit's, on its own page (S4.5)."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.domain.nle.making import fcpx, premiere
from tests.gateway.conftest import Tell
from tests.gateway.films import sagas
from tests.gateway.house import House
from tests.gateway.uploading import Client

PATH = "cut.prproj"


async def sent(ann: Client, session: str, content: bytes) -> dict[str, Any]:
    """What the upload of a whole file is answered with in v2."""
    length = {"Upload-Offset": "0", "Upload-Length": str(len(content))}
    headers = {"X-API-Key": ann.key, "X-API-Version": "v2", **length}
    address = f"/repos/film/sessions/{session}/files/{PATH}"
    answer = await ann.house.http.put(address, content=content, headers=headers)
    assert answer.status_code == 201, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def committed(h: House, ann: Client, session: str, recipe: str) -> httpx.Response:
    changes = [{"path": PATH, "recipe": recipe}]
    body = {"branch": "main", "session": session, "changes": changes, "message": ""}
    headers = {"Idempotency-Key": "cut", "X-API-Version": "v2"}
    with sagas(h):
        return await h.ask("POST", "/repos/film/commits", key=ann.key, body=body, headers=headers)


@pytest.mark.parametrize(
    ("content", "version"),
    [
        (premiere("42"), "24.0"),
        (premiere("43"), "25.0"),
        (premiere("9999"), "file says 9999"),
        (fcpx("7"), "file says 7"),
        (premiere(""), "unknown"),
    ],
)
def test_a_projects_version_is_told_alike_everywhere(tell: Tell, content: bytes, version: str) -> None:
    async def story(h: House) -> None:
        ann = Client(h, await h.repo())
        session = await ann.session()
        told = await sent(ann, session, content)
        made = (await committed(h, ann, session, told["recipe"])).json()
        page = (await ann.get(f"/commits/{made['commit']}/media/{PATH}")).json()
        for name in ("version", "supported", "stored_as", "nle"):
            assert told[name] == page["project"][name], name
        assert told["version"] == version
        assert all(version in warning["warning"] for warning in made["warnings"])

    tell(story)
