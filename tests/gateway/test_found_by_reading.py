"""What readers of the code found: each is a request, an operator's file or a moment that went wrong once."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Any

import pytest

from domain.api_registry.commands import PromoteVersion, ScheduleBrownout
from domain.api_registry.declared import Declared, declared
from domain.errors import RegistryCorruptedError, RegistryNotInitializedError, RegistryUnusableError
from domain.ids import ConsumerId
from gateway.bus import BusDoor
from gateway.perform import Gateway
from gateway.signals import USES_WAITING_MAX
from gateway.versions.registry import Versions
from tests.domain.registries import STD, V1, V2, a_version, soon
from tests.gateway.conftest import QUICK, Lines, Tell
from tests.gateway.house import House, house, run_story
from tests.gateway.served import Served, read_all, served
from tests.gateway.signalling import Board
from tests.gateway.test_bus import MemoryLine, Story
from tests.gateway.versioning import Process, Sheet

HIDDEN = a_version("v4-alpha", "prerelease", released_at="2999-01-01")
WITH_HIDDEN = declared([V1, V2, HIDDEN], None)
CONSUMERS = [ConsumerId(f"{number:032x}") for number in range(1_100)]
OPTED_IN = {"X-API-Version": "v4-alpha", "X-API-Prerelease-Opt-In": "true"}


def told(text: str, **headers: str) -> bytes:
    lines = [f"GET {text} HTTP/1.1", "Host: x", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode()


def beside(line: MemoryLine, story: Story) -> None:
    def door(gateway: Gateway) -> AbstractAsyncContextManager[None]:
        return BusDoor(gateway, line).open()

    async def whole() -> None:
        async with house(limits=QUICK, beside=door) as h:
            await story(h, line)

    run_story(whole)


def under(what: Declared | str, story: Any) -> Sheet:
    """The story, in a house whose file says that."""
    sheet = Sheet(what)

    async def whole() -> None:
        async with house(limits=QUICK, versions_file=sheet) as h:
            await story(h, sheet)

    run_story(whole)
    return sheet


# ------------------------------------------------------------------ on the wire
def test_an_unchanged_page_is_a_whole_answer_on_a_real_socket(logged: Lines) -> None:
    with served() as s:
        first = s.raw(told("/versions")).decode()
        etag = next(line for line in first.split("\r\n") if line.startswith("etag: ")).removeprefix("etag: ")
        again = s.raw(told("/versions", **{"If-None-Match": etag})).decode()
    assert again.startswith("HTTP/1.1 304 ")
    assert "content-length" not in again
    assert "request.unhandled_exception" not in [line["event"] for line in logged]


# ------------------------------------------------------------------ what nobody may know of yet (R13)
def test_metrics_do_not_name_what_an_admin_tried_before_its_release() -> None:
    async def story(h: House, _: Sheet) -> None:
        answer = await h.http.get("/repos", headers={**OPTED_IN, "X-API-Key": h.key("root", "admin")})
        assert answer.headers["X-API-Version"] == "v4-alpha"
        assert "v4-alpha" not in (await h.http.get("/metrics")).text

    under(WITH_HIDDEN, story)


def test_the_configuration_s_trouble_names_no_hidden_version() -> None:
    process = Process(Sheet(STD)).started()
    process.sheet.write("versions:\n  v4-alpha: {status: odd}\n  v1: {status: current}\n")
    process.wishes.reload()
    error: Any = process.versions.standing()["last_error"]
    assert "a version: status:" in error["reason"]
    assert "v4" not in error["reason"]
    assert error["line"] == 2


def test_the_configuration_s_trouble_names_what_everybody_knows() -> None:
    process = Process(Sheet(STD)).started()
    process.sheet.write("versions:\n  v1: {status: odd}\n")
    process.wishes.reload()
    error: Any = process.versions.standing()["last_error"]
    assert "v1: status:" in error["reason"]


def test_two_currents_ahead_are_told_without_the_one_that_is_hidden() -> None:
    later = a_version("v4", "current", released_at="2999-01-01")

    async def story(h: House, _: Sheet) -> None:
        answer = await h.http.get("/repos")
        assert answer.json()["details"]["versions"] == "v2, 1 not released yet"
        assert "v4" not in answer.text + (await h.http.get("/config/status")).text

    under(declared([V1, V2, later], None), story)


# ------------------------------------------------------------------ more than was asked for
def test_a_query_that_repeats_itself_is_warned_of_a_few_times(logged: Lines) -> None:
    async def story(h: House, _: Sheet) -> None:
        logged.clear()
        answer = await h.http.get("/repos?" + "&".join(["version=+v1"] * 600))
        assert answer.status_code == 200
        assert len([line for line in logged if line["event"] == "version.whitespace_trimmed"]) <= 16

    under(STD, story)


@pytest.mark.parametrize("version", ["\u00a0v1", "v1\x1c", "v1\x85"])
def test_the_bus_trims_a_version_as_http_does(version: str) -> None:
    async def story(_: House, line: MemoryLine) -> None:
        answer = await line.ask("dits.qry.repos.list", {}, X_API_Version=version)
        assert (answer.status, answer.body["code"]) == (400, "INVALID_VERSION_FORMAT")

    beside(MemoryLine(), story)


def test_what_cannot_be_said_over_the_bus_ends_one_request_only() -> None:
    async def story(h: House, line: MemoryLine) -> None:
        odd = await line.ask("dits.qry.repos.list", {}, X_API_Key=await h.repo(), X_Dits_After="\udcff")
        assert odd.status == 500
        assert (await line.ask("dits.qry.repos.list", {})).status == 200

    beside(MemoryLine(), story)


# ------------------------------------------------------------------ what breaks beside the requests
def break_health(s: Served) -> None:
    def check() -> None:
        raise RuntimeError("a bug in a check")

    checks: Any = s.parts.application.health.checks
    checks["odd"] = check


def test_a_process_whose_tasks_broke_is_not_healthy_and_ends(logged: Lines) -> None:
    with served() as s:
        with s.connect() as connection:
            read_all_of_one(connection)
            break_health(s)
            s.thread.join(10)
        assert not s.thread.is_alive()
        assert not s.parts.application.health.is_well
        assert not s.parts.application.health.is_ready
    assert "background_task_broke" in [line["event"] for line in logged]


def read_all_of_one(connection: Any) -> bytes:
    connection.sendall(told("/health/live"))
    return read_all(connection)


# ------------------------------------------------------------------ between a thread and the loop
class LiftedBetween:
    """Wishes whose block is lifted by a thread between two looks at it."""

    def __init__(self) -> None:
        self._looks = 0

    @property
    def blocked(self) -> RegistryUnusableError | None:
        self._looks += 1
        return RegistryNotInitializedError() if self._looks == 1 else None


def test_a_block_that_is_lifted_just_now_is_still_a_refusal() -> None:
    versions: Any = Process().started().versions
    versions.wishes = LiftedBetween()
    with pytest.raises(RegistryNotInitializedError):
        versions.refuse_unusable(versions.capture())


def test_a_broken_copy_that_was_replaced_breaks_no_other() -> None:
    process = Process().started()
    versions: Versions = process.versions
    old: Any = versions.capture()
    object.__delattr__(old.live.entries["v2"], "phase")
    versions.renew()
    with pytest.raises(RegistryCorruptedError):
        versions.refuse_broken("v2", old)
    versions.refuse_unusable(versions.capture())


def darkened(process: Process, times: int) -> Process:
    """With brownouts of v1, a minute each, a minute apart."""
    now = process.board.clock.now()
    for number in range(times):
        begins = now + timedelta(minutes=2 * number + 1)
        process.decide(ScheduleBrownout("v1", begins, begins + timedelta(minutes=1), "rehearsal", now))
    process.versions.renew()
    return process


def test_what_the_clock_turned_to_never_hides_news_of_the_log() -> None:
    """The loop writes the one, a thread the other: in whatever order, the news counts."""
    process = darkened(Process().started(), 1)
    versions: Any = process.versions
    process.pass_ms(90_000)
    assert versions.capture().live.entries["v1"].brownout_ends_at
    late = versions._turned_to
    process.decide(PromoteVersion("v3-beta", soon(process.board.clock.now())))
    process.pass_ms(60)
    versions.renew()
    versions._turned_to = late
    assert versions.capture().live.default == "v3"


def test_a_jump_over_many_turns_is_made_in_one() -> None:
    process = darkened(Process().started(), 60)
    process.pass_ms(90_000_000)
    assert process.versions.capture().since == process.board.clock.now()


def test_a_turn_after_a_turn_is_seen() -> None:
    process = darkened(Process().started(), 2)
    seen: list[bool] = []
    for _ in range(4):
        process.pass_ms(60_000)
        seen.append(bool(process.versions.capture().live.entries["v1"].brownout_ends_at))
        assert process.versions.capture() is process.versions.capture()
    assert seen == [True, False, True, False]


# ------------------------------------------------------------------ what is said of an address
def test_an_error_names_the_address_that_was_asked_for() -> None:
    async def story(h: House, _: Sheet) -> None:
        assert (await h.http.get("/v1/nope")).json()["instance"] == "/v1/nope"
        assert (await h.http.delete("/api/v1/versions")).json()["instance"] == "/api/v1/versions"

    under(STD, story)


def test_users_of_what_is_no_version_are_not_looked_for() -> None:
    async def story(h: House, line: MemoryLine) -> None:
        body, root = {"version_id": "v1\0\r\n"}, h.key("root", "admin")
        for question in ("dits.qry.versions.consumers", "dits.qry.versions.show"):
            answer = await line.ask(question, body, X_API_Key=root, X_API_Version="v2")
            assert answer.status == 404
            assert "v1\\x00" in answer.body["message"]

    beside(MemoryLine(), story)


# ------------------------------------------------------------------ an operator's file
@pytest.mark.parametrize("name", ['"\\ud800"', "x" * 1_000])
@pytest.mark.parametrize("terms", ["3", "{status: odd}"])
def test_a_name_that_cannot_be_said_is_told_all_the_same(name: str, terms: str) -> None:
    process = Process(Sheet(STD)).started()
    process.sheet.write(f"versions:\n  {name}: {terms}\n")
    process.wishes.reload()
    assert process.names()[-1] == "RegistryReloadRejected"
    assert process.wishes.trouble is not None
    assert len(process.wishes.trouble.reason.encode()) < 600


# ------------------------------------------------------------------ signals
def test_no_alert_gives_way_to_the_uses_of_a_new_day() -> None:
    board = Board()
    board.signals.alert("memory_pressure", "warning", "there is little left")
    for each in CONSUMERS:
        board.signals.version_used(each, "v2", "2030-01-01")
    assert board.signals.waiting == USES_WAITING_MAX

    async def story() -> None:
        async with board.running():
            await board.told()
            board.signals.version_used(CONSUMERS[-1], "v2", "2030-01-01")
            await board.told()

    run_story(story)
    assert {"OpsAlertRaised", "VersionUseNoted"} == set(board.names())


def test_credentials_that_say_nothing_are_counted_as_nobodys(tell: Tell) -> None:
    async def story(h: House) -> None:
        headers = {"Authorization": "Basic eDp5"}
        answers = [await h.ask("GET", "/repos", headers=headers) for _ in range(101)]
        assert {each.status_code for each in answers[:100]} == {401}
        assert answers[100].status_code == 429
        assert answers[0].headers["X-RateLimit-Remaining"] == "99"

    tell(story)


def test_versions_answer_options_and_weak_tags(tell: Tell) -> None:
    async def story(h: House) -> None:
        options = await h.ask("OPTIONS", "/versions")
        assert (options.status_code, options.headers["Allow"]) == (204, "GET, HEAD, OPTIONS")
        tag = (await h.ask("GET", "/versions")).headers["ETag"]
        for tags in (tag, f"W/{tag}", f'"x", {tag}', "*"):
            assert (await h.ask("GET", "/versions", headers={"If-None-Match": tags})).status_code == 304

    tell(story)
