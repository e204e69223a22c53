"""The client names the version that it was written for, and reads nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from gateway.client import Client, Pacing, ProblemError
from gateway.client.errors import WrongAnswerError
from infra.dev.nats_server import NatsEndpoints
from infra.eventlog.connection import Connection
from tests.client.machine import QuickMachine

END: Mapping[str, object] = {"items": [], "page": {"next": None}}
REF = {"commit": "0" * 32, "manifest": "0" * 64}


@dataclass(slots=True)
class Stub:
    """A server that answers by the book that it is given, and keeps what it was asked."""

    answers: dict[str, tuple[int, Mapping[str, Any]]]
    """By target."""
    asked: list[tuple[str, str | None]] = field(default_factory=list[tuple[str, str | None]])
    """Targets and versions."""
    port: int = 0

    def client(self) -> Client:
        url = f"http://127.0.0.1:{self.port}"
        return Client(url, "dits_x", machine=QuickMachine(), pacing=Pacing(tries_max=3))


@contextmanager
def stubbed(**answers: tuple[int, Mapping[str, Any]]) -> Iterator[Stub]:
    stub = Stub({f"/{target}": answer for target, answer in answers.items()})

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            stub.asked.append((self.path, self.headers["X-API-Version"]))
            status, body = stub.answers[self.path]
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the library's name
            """A test says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        stub.port = server.server_address[1]
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield stub
        finally:
            server.shutdown()
            thread.join()


def test_every_request_names_the_version() -> None:
    with stubbed(repos=(200, END), health=(200, {"status": "healthy"})) as stub, stub.client() as client:
        assert client.repos.list() == ()
        client.health()
        assert stub.asked == [("/repos", "v2"), ("/health", "v2")]


def test_an_operator_is_not_locked_out_by_the_version_that_the_client_speaks() -> None:
    """A blank is no version: whichever the server has answers (R06)."""
    nothing = {"revision": 1, "default_version": "", "versions": []}
    registry = {**nothing, "file_sha256": "", "next_turn_at": None}
    found = "versions?include_prerelease=false&include_sunset=false"
    with (
        stubbed(**{"admin/versions": (200, registry), found: (200, nothing)}) as stub,
        stub.client() as client,
    ):
        assert client.versions.list().revision == client.discovery.list().revision
        assert [version for _, version in stub.asked] == ["", ""]


def test_a_list_is_walked_to_its_end() -> None:
    pages = {
        "repos/film/tags": (200, {"items": [{"name": "a", **REF}], "page": {"next": "a"}}),
        "repos/film/tags?after=a": (200, {"items": [{"name": "b", **REF}], "page": {"next": None}}),
    }
    with stubbed(**pages) as stub, stub.client() as client:
        assert [each.name for each in client.tags.list("film")] == ["a", "b"]
        assert [target for target, _ in stub.asked] == [f"/{target}" for target in pages]


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (404, "VERSION_NOT_FOUND", "missing"),
        (410, "VERSION_SUNSET", "gone"),
        (410, "VERSION_BROWNOUT", "gone"),
    ],
)
def test_a_version_that_is_not_served_is_said_once_and_as_it_is(status: int, code: str, kind: str) -> None:
    problem = {"code": code, "message": "API version 'v2' ...", "details": {"version_id": "v2"}}
    with stubbed(repos=(status, problem)) as stub, stub.client() as client:
        with pytest.raises(ProblemError) as refused:
            client.repos.list()
        assert (refused.value.status, refused.value.code, refused.value.kind) == (status, code, kind)
        assert refused.value.details == {"version_id": "v2"}
        assert len(stub.asked) == 1


def test_an_answer_in_another_form_is_no_surprise_later() -> None:
    with (
        stubbed(repos=(200, {"repos": []})) as stub,
        stub.client() as client,
        pytest.raises(WrongAnswerError),
    ):
        client.repos.list()


def test_the_version_is_named_on_the_bus_too(nats_server: NatsEndpoints) -> None:
    asked, line = list[str](), Connection(nats_server.url)

    def told(_subject: str, reply_to: str, headers: Mapping[str, str], _payload: bytes) -> None:
        asked.append(headers["X-API-Version"])
        line.answer(reply_to, json.dumps(END).encode(), {"Status": "200"})

    line.serve("dits.qry.repos.list", "test", told)
    with Client("http://127.0.0.1:9", "dits_x", nats_url=nats_server.client_url) as client:
        assert client.repos.list() == ()
    line.close()
    assert asked == ["v2"]
