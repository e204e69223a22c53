"""The interpreter of declarative cases: build the world, send the request, look at all that is expected.

Promises: what comes a moment later (a fact on its way into the log, a check that has not run) is waited for,
for a bounded time; what must not come is looked for at the end; no expectation is passed over.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.scenarios.api import answers, bodies, envelope, signs
from tests.scenarios.api.answers import Answer
from tests.scenarios.api.bodies import Findings
from tests.scenarios.api.registries import Start
from tests.scenarios.api.sending import Sent
from tests.scenarios.api.table import Case
from tests.scenarios.api.words import Known, fits
from tests.scenarios.api.world import Mark, World

PATIENCE_S = 3.0
LOOK_EVERY_S = 0.02
REPOSITORY = re.compile(r"(?:/api)?(?:/v[0-9][^/]*)?/repos/([^/?]+)")
LOGGED_EQUAL = re.compile(r"(\w+) equal")
SECRETS = frozenset({"x-api-key", "authorization"})
SECRET_CHARACTERS_MIN = 8
LONG_TEXTS = frozenset({"exception", "exc_info", "stack"})
"""Members of a log line that are whole paragraphs."""


class CaseDiffersError(AssertionError):
    """What happened is not what the table says; every difference is a line of the message."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that was answered, and the moments before."""

    case: Case
    world: World
    began: Mark
    """Before anything that belongs to the case."""
    at: Mark
    """Just before the request."""
    request: Sent | None
    answer: Answer | None
    reloaded: bool = False


async def play(case: Case, world: World, start: Start, began: Mark, patience_s: float) -> None:
    """The case's own steps in a world that stands; raises CaseDiffersError."""
    if case.after is None:
        for text in start.then:
            await world.write(text)
    asked = await ask(case, world, began, reloaded=bool(start.then))
    if comes_with_time(case.told) and not _of_answer(asked):
        await world.pass_announced_time()
    await settled(asked, patience_s)


def comes_with_time(told: Any) -> bool:
    """Of a scenario's events, those that an announced time brings: they come when it has come (V3.3)."""
    events = told.get("events")
    return isinstance(events, list) and any("cause: scheduled" in str(each) for each in events)


async def settled(asked: Asked, patience_s: float = PATIENCE_S) -> None:
    """Look until all is as it should be, asking operational paths again; raises CaseDiffersError."""
    deadline = time.monotonic() + patience_s
    while findings := await differences(asked):
        is_operational = (
            asked.request is not None
            and isinstance(asked.case.request, dict)
            and envelope.OPERATIONAL.fullmatch(asked.request.path)
        )
        is_final = bool(_of_answer(asked)) and not is_operational
        if is_final or time.monotonic() > deadline:
            raise CaseDiffersError("\n".join([f"{asked.case.id}:", *findings]))
        await asyncio.sleep(LOOK_EVERY_S)
        if is_operational:
            asked = await ask(asked.case, asked.world, asked.began, reloaded=asked.reloaded)


async def ask(case: Case, world: World, began: Mark, *, reloaded: bool = False) -> Asked:
    """Send the case's request, with what its path names in place."""
    if not isinstance(case.request, dict):
        return Asked(case, world, began, world.mark(), None, None, reloaded)
    auth = case.request.get("auth", case.auth)
    request = world.prepared({**case.request, "auth": auth} if auth is not None else case.request)
    named = REPOSITORY.match(request.target)
    if named and str(case.expect.get("status", 200)).startswith("2"):
        world.have_repository(named[1])
    at = world.mark()
    return Asked(case, world, began, at, request, await world.deliver(request), reloaded)


async def differences(asked: Asked) -> Findings:
    """Every way in which what happened is not what the case and its scenario say."""
    return [
        *_of_answer(asked),
        *await _of_pages(asked),
        *await _of_load(asked),
        *_of_signs(asked),
        *_of_secrets(asked),
    ]


def known(asked: Asked) -> Known:
    answer, request = asked.answer, asked.request
    if answer is None:
        return Known(before=asked.world.before)
    if request is None:
        return Known(answer.named, before=asked.world.before)
    values = frozenset(value for _, value in request.fields)
    named = request.versions
    texts, sources = tuple(text for _, text in named), tuple(source for source, _ in named)
    return Known(answer.named, values, texts, sources, asked.world.before)


def _of_answer(asked: Asked) -> Findings:
    answer, request = asked.answer, asked.request
    if answer is None:
        return []
    expect = asked.case.expect
    told = answers.findings(expect, answer, known(asked))
    path, method = (request.path, request.method) if request is not None else ("", "")
    told += envelope.findings(asked.world.table.raw, answer, path, has_body=method != "HEAD")
    if "application_reached" in expect and bool(expect["application_reached"]) != answer.reached:
        told.append(f"the application was {'' if answer.reached else 'not '}reached")
    return told


async def _of_pages(asked: Asked) -> Findings:
    """`body_of_<page>` and `default_version`: what is said elsewhere."""
    told: Findings = []
    for name, wanted in asked.case.expect.items():
        if name.startswith("body_of_"):
            page = name.removeprefix("body_of_")
            told += await _of_page(asked, "/" + page.replace("_", "/"), wanted)
        elif name == "default_version":
            told += await _of_page(asked, "/versions", {name: wanted})
    return told


async def _of_page(asked: Asked, path: str, wanted: Mapping[str, Any]) -> Findings:
    answer = await asked.world.ask(path)
    found = bodies.versions_findings(wanted, answer.json, Known(answer.named, before=asked.world.before))
    return [f"{path}: {each}" for each in found]


async def _of_load(asked: Asked) -> Findings:
    expect, told = asked.case.expect, list[str]()
    if "loads" in expect:
        loaded = (await asked.world.ask("/health")).status == 200
        told += (
            [] if loaded == bool(expect["loads"]) else [f"the registry {'is' if loaded else 'is not'} loaded"]
        )
    if "warnings" in expect:
        since = asked.world.since(asked.began)
        count = signs.warnings_in(since.lines)
        told += bodies.findings(expect["warnings"], count, known(asked), "warnings")
    return told


def _of_signs(asked: Asked) -> Findings:
    """Whatever must be there may have come since the case began; what must not, since the request."""
    told, since, just = asked.case.told, asked.world.since(asked.began), asked.world.since(asked.at)
    found: Findings = []
    if "log" in told:
        is_quiet = signs.is_none(told["log"])
        found += signs.log_findings(told["log"], just.lines if is_quiet else since.lines)
    if "metrics" in told:
        found += signs.metric_findings(told["metrics"], since.before, since.after)
    if "events" in told:
        is_named = isinstance(told["events"], list) and bool(told["events"])
        happened = since.happened if is_named else just.happened
        if not is_named and asked.world.is_telling:
            found.append("facts are on their way into the log")
        found += signs.event_findings(told["events"], happened, reloaded=asked.reloaded)
    if "log_field" in asked.case.expect:
        found += _of_log_field(asked, str(asked.case.expect["log_field"]), just.lines)
    return found


def _of_log_field(asked: Asked, wanted: str, lines: Any) -> Findings:
    """`correlation_id equal`: every line of the request has it as the answer says it."""
    assert asked.answer is not None
    match = LOGGED_EQUAL.fullmatch(wanted)
    name = match[1] if match else wanted
    header = "X-" + "-".join(part.upper() if part == "id" else part.capitalize() for part in name.split("_"))
    value = str(asked.answer.header(header))
    access = [line for line in lines if line.get("event") == signs.ACCESS_LINE]
    if not access or not all(fits(value, line.get(name), Known()) for line in access):
        return [f"no access line, or one whose {name} is not {value}: {access!r}"]
    return []


def _of_secrets(asked: Asked) -> Findings:
    """No line holds what let somebody in, and none is broken by what a client sent (I9, V8.2)."""
    fields = asked.request.fields if asked.request else ()
    secrets = [value.removeprefix("Bearer ") for name, value in fields if name.lower() in SECRETS]
    secrets = [secret for secret in secrets if len(secret) >= SECRET_CHARACTERS_MIN]
    told: Findings = []
    for line in asked.world.since(asked.at).lines:
        texts = {name: value for name, value in line.items() if isinstance(value, str)}
        if any(secret in text for secret in secrets for text in texts.values()):
            told.append(f"a log line holds the credential: {line.get('event')}")
        if any("\r" in text or "\n" in text for name, text in texts.items() if name not in LONG_TEXTS):
            told.append(f"a raw line break in a log line: {line!r}")
    return told
