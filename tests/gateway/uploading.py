"""Sessions, frames and whole files as a client sends them, also one that goes away in the middle."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import httpx
from hypothesis import strategies as st

from domain.format.digest import digest_of
from domain.ids import Digest
from gateway.edge import AnswerBrokenError
from gateway.frames import frame
from tests.gateway.films import sagas
from tests.gateway.house import House

OCTETS = "application/octet-stream"
SEEDS = st.integers(0, 2**32 - 1)


def bytes_of(seed: int, size_bytes: int) -> bytes:
    """Incompressible, and different for every seed."""
    from random import Random

    return Random(seed).randbytes(size_bytes)


@dataclass(frozen=True, slots=True)
class Client:
    """One caller in one repository."""

    house: House
    key: str
    repo: str = "film"

    async def session(self) -> str:
        answer = await self.house.ask("POST", f"/repos/{self.repo}/sessions", key=self.key, body={})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["session"])

    async def post(self, path: str, content: bytes) -> httpx.Response:
        headers = {"X-API-Key": self.key, "Content-Type": OCTETS}
        return await self.house.http.post(f"/repos/{self.repo}{path}", content=content, headers=headers)

    async def get(self, path: str, **headers: str) -> httpx.Response:
        sent = {"X-API-Key": self.key, **{name.replace("_", "-"): text for name, text in headers.items()}}
        return await self.house.http.get(f"/repos/{self.repo}{path}", headers=sent)

    async def send(self, session: str, kind: str, *contents: bytes) -> httpx.Response:
        return await self.post(f"/sessions/{session}/{kind}", framed(*contents))

    async def have(self, session: str, *contents: bytes) -> list[Digest]:
        """What must be sent of these."""
        names = b"".join(digest_of(content) for content in contents)
        answer = await self.post(f"/sessions/{session}/have", names)
        assert answer.status_code == 200, answer.text
        return [Digest(answer.content[at : at + 32]) for at in range(0, len(answer.content), 32)]

    async def put(
        self, session: str, path: str, content: bytes, *, offset: int = 0, length: int | None = None
    ) -> httpx.Response:
        """`content` is what this request sends."""
        sent = {
            "X-API-Key": self.key,
            "Upload-Offset": str(offset),
            "Upload-Length": str(offset + len(content) if length is None else length),
        }
        address = f"/repos/{self.repo}/sessions/{session}/files/{quote(path)}"
        return await self.house.http.put(address, content=content, headers=sent)

    async def put_body(
        self, session: str, path: str, body: AsyncIterator[bytes], *, length: int
    ) -> httpx.Response:
        """From the beginning, without saying how many bytes come."""
        sent = {"X-API-Key": self.key, "Upload-Offset": "0", "Upload-Length": str(length)}
        address = f"/repos/{self.repo}/sessions/{session}/files/{quote(path)}"
        return await self.house.http.put(address, content=body, headers=sent)

    async def put_rest(self, session: str, path: str, content: bytes) -> httpx.Response:
        """From where it stands."""
        offset = await self.offset(session, path)
        return await self.put(session, path, content[offset:], offset=offset)

    async def offset(self, session: str, path: str) -> int:
        """The confirmed one; 0 if it was never begun."""
        address = f"/repos/{self.repo}/sessions/{session}/files/{quote(path)}"
        answer = await self.house.http.head(address, headers={"X-API-Key": self.key})
        return int(answer.headers["Upload-Offset"]) if answer.status_code == 200 else 0

    async def put_and_vanish(
        self, session: str, path: str, blocks: Iterable[bytes], *, offset: int, length: int
    ) -> None:
        """The connection is lost after these bytes, before the body's end."""
        exchange = Exchange(
            "PUT",
            f"/repos/{self.repo}/sessions/{session}/files/{path}",
            {"X-API-Key": self.key, "Upload-Offset": str(offset), "Upload-Length": str(length)},
            [*({"type": "http.request", "body": each, "more_body": True} for each in blocks), GONE],
        )
        await exchange.run(self.house)

    async def publish(self, files: Mapping[str, bytes]) -> str:
        """A commit of these files: its id."""
        session, changes = await self.session(), list[dict[str, str]]()
        for path, content in files.items():
            answer = await self.put(session, path, content)
            assert answer.status_code == 201, answer.text
            changes.append({"path": path, "recipe": answer.json()["recipe"]})
        return await self.commit(session, changes)

    async def commit(self, session: str, changes: Sequence[Mapping[str, str]]) -> str:
        """Published: its id."""
        body = {"branch": "main", "session": session, "changes": changes}
        with sagas(self.house):
            answer = await self.house.ask(
                "POST",
                f"/repos/{self.repo}/commits",
                key=self.key,
                body=body,
                headers={"Idempotency-Key": session},
            )
        assert answer.status_code == 201, answer.text
        return str(answer.json()["commit"])


GONE = {"type": "http.disconnect"}


@dataclass(slots=True)
class Exchange:
    """One request as the server would bring it, message by message."""

    method: str
    path: str
    headers: Mapping[str, str]
    messages: Sequence[Mapping[str, Any]] = ({"type": "http.request", "body": b"", "more_body": False},)
    status: int = 0
    body: bytearray = field(default_factory=bytearray)
    is_whole: bool = False
    """The answer came to its end."""

    async def run(self, house: House) -> None:
        left = list(self.messages)

        async def receive() -> Any:
            if left:
                return left.pop(0)
            await asyncio.sleep(3600)
            return GONE

        try:
            await house.application.asgi(self._scope(), receive, self._send)
        except AnswerBrokenError:
            assert not self.is_whole

    async def _send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            return
        self.body += message.get("body", b"")
        self.is_whole = not message.get("more_body", False)

    def _scope(self) -> dict[str, Any]:
        return {
            "type": "http",
            "method": self.method,
            "path": self.path,
            "raw_path": quote(self.path).encode(),
            "query_string": b"",
            "headers": [(name.lower().encode(), text.encode()) for name, text in self.headers.items()],
        }


def framed(*contents: bytes) -> bytes:
    return b"".join(frame(Digest(digest_of(content)), content) for content in contents)
