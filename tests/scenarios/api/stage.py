"""Where cases are played: the stage that a case written by hand is given, and how such a case is claimed.

Promises: every case has a loop, a place for files and a log of its own; everything that it opens is closed
when it ends, in reverse order; a world that another case left is built anew by that very case.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import pkgutil
import re
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import pytest

import tests.scenarios.api as package
from tests.fakes import FakeClock
from tests.scenarios.api import declarative
from tests.scenarios.api.answers import Answer
from tests.scenarios.api.cases import clock_of, start_of, why_by_hand
from tests.scenarios.api.declarative import PATIENCE_S, CaseDiffersError
from tests.scenarios.api.heard import Lines, heard
from tests.scenarios.api.registries import Content, NoExpressionError, Start, parsed
from tests.scenarios.api.table import OWN, STANDARD, Case, Table
from tests.scenarios.api.world import Mark, World, opened

NAMED = re.compile(r"test_v(\d+)_(\d+)([a-z])_\w+")
PLAY_TIMEOUT_S = 90
PROSE = frozenset({"note", "ruling"})

Told = Callable[["Stage"], "Awaitable[World | None] | World | None"]
"""A case written by hand: what it leaves behind, if another may stand on it."""
Fixture = Callable[[str], Any]


class NotWrittenError(Exception):
    """A case stands on another one that is to be written by hand; nobody has."""


@dataclass(frozen=True, slots=True)
class Stage:
    """What a case is given; `case` is its row of the table, with all that it inherits."""

    table: Table
    case: Case
    place: Path
    lines: Lines
    fixture: Fixture
    """`stage.fixture("nats_server")`: any fixture of pytest."""
    _closing: AsyncExitStack
    _numbers: count[int]
    patience_s: float
    """How long it waits for what comes a moment later."""

    async def world(
        self,
        registry: str | Content | None = None,
        *,
        clock: str | datetime | FakeClock | None = None,
        via: str | None = None,
        **made_with: Any,
    ) -> World:
        """A fresh gateway, whose registry is an expression (R48) or what its file says. What is not said is
        the case's, and std where that is in words. `made_with` is for
        `tests.gateway.house.parts`: ports that misbehave; worlds that share a log share a clock, too."""
        if isinstance(clock, FakeClock):
            made_with["clock"] = clock
            clock = clock.now()
        return await self._opened(self._start(registry), self._now(clock), via or self.case.via, **made_with)

    def at_the_end(self, close: Callable[[], object]) -> None:
        """Called when the case ends, after everything that is opened from now on was closed."""
        self._closing.push_async_callback(asyncio.to_thread, close)

    async def after(self, case_id: str) -> World:
        """The world as that case leaves it, played anew."""
        stage = replace(self, case=self.table.case(case_id))
        if not why_by_hand(stage.case, self.table):
            return await stage.declared()
        hand = hands().get(case_id)
        if hand is None or not claims(case_id, self.table):
            raise NotWrittenError(f"it stands on {case_id}, which nobody has written by hand")
        world = await _result(hand, stage)
        assert world is not None, f"{case_id} leaves no world behind"
        return world

    async def declared(self) -> World:
        """A declarative case, whole."""
        start = start_of(self.case, self.table)
        before = self.case.after or start.after
        if before is None:
            world, began = await self._opened(start, clock_of(self.case), self.case.via), Mark()
        else:
            world = await self.after(before)
            began = world.mark()
        await declarative.play(self.case, world, start, began, self.patience_s)
        return world

    async def expect(
        self, world: World, answer: Answer | None, began: Mark | None = None, **expect: Any
    ) -> None:
        """The answer, if there is one, and the signs since `began`, are what the table says of this case.

        Members given here stand in for the table's, such as those that it says in words; None leaves one out.
        """
        members = {**self.case.expect, **expect}
        told = {name: value for name, value in members.items() if value is not None}
        assert began is not None or not told.get("events"), "since when? The event may stand there already"
        case = replace(self.case, expect=told, leads=self.case.leads and began is not None)
        mark = began or world.mark()
        request = world.sent_last if answer is not None else None
        asked = declarative.Asked(case, world, mark, mark, request, answer)
        await declarative.settled(asked, self.patience_s)

    async def _opened(self, start: Start, now: datetime, via: str, **made_with: Any) -> World:
        place = self.place / str(next(self._numbers))
        place.mkdir()
        opening = opened(self.table, self.lines, place, file=start.file, now=now, via=via, **made_with)
        return await self._closing.enter_async_context(opening)

    def _start(self, registry: str | Content | None) -> Start:
        if isinstance(registry, str):
            return parsed(registry, self.table.registries)
        if registry is not None:
            return Start(registry)
        try:
            return start_of(self.case, self.table)
        except NoExpressionError:
            return parsed(STANDARD, self.table.registries)

    def _now(self, clock: str | datetime | None) -> datetime:
        if isinstance(clock, datetime):
            return clock
        try:
            return clock_of(replace(self.case, clock=clock) if clock is not None else self.case)
        except ValueError:
            return clock_of(replace(self.case, clock=self.table.now))


# ------------------------------------------------------------------ cases written by hand
@dataclass(frozen=True, slots=True)
class Playing:
    """What pytest gives to each test of a case (fixture `playing`)."""

    place: Path
    fixture: Fixture
    patience_s: float = PATIENCE_S

    def play(self, table: Table, case_id: str, told: Told) -> None:
        difference, missing = "", ""
        with heard() as lines:
            try:
                asyncio.run(self._played(table, table.case(case_id), told, lines))
            except CaseDiffersError as error:
                difference = str(error)
            except NotWrittenError as error:
                missing = str(error)
        if missing and not table.is_own:
            pytest.skip(missing)
        if difference or missing:
            pytest.fail(difference or missing, pytrace=False)

    async def _played(self, table: Table, case: Case, told: Told, lines: Lines) -> None:
        async with asyncio.timeout(PLAY_TIMEOUT_S), AsyncExitStack() as closing:
            stage = Stage(table, case, self.place, lines, self.fixture, closing, count(), self.patience_s)
            await (
                _result(told, stage) if inspect.iscoroutinefunction(told) else asyncio.to_thread(told, stage)
            )


def case(told: Told) -> Callable[[Playing], None]:
    """Claims the case that the function's name begins with: `test_v3_1a_...` is V3.1a.

    What pytest runs is a test of that name, on the project's own table.
    """
    case_id = id_of(told.__name__)

    def run(playing: Playing) -> None:
        playing.play(own_table(), case_id, told)

    run.__name__, run.__qualname__, run.__doc__ = told.__name__, told.__qualname__, told.__doc__
    run.__module__ = told.__module__
    run.__dict__["told"] = told
    return run


def id_of(name: str) -> str:
    match = NAMED.fullmatch(name)
    assert match is not None, f"{name} begins with no case's id, as test_v3_1a_ does"
    return f"V{match[1]}.{match[2]}{match[3]}"


@cache
def hands() -> Mapping[str, Told]:
    """Every case that is claimed by hand; the first of several functions is the one others stand on."""
    found: dict[str, Told] = {}
    for module in sorted(each.name for each in pkgutil.iter_modules(package.__path__)):
        if module.startswith("test_"):
            for name, member in vars(importlib.import_module(f"{package.__name__}.{module}")).items():
                told = getattr(member, "__dict__", {}).get("told")
                if told is not None and name.startswith("test_"):
                    found.setdefault(id_of(name), told)
    return found


@cache
def own_table() -> Table:
    return Table.read(OWN)


def claims(case_id: str, table: Table) -> bool:
    """Is what was written by hand for the project's table what this table says, too?"""
    if case_id not in hands():
        return False
    own = own_table()
    return case_id in own.ids and _said(own.case(case_id)) == _said(table.case(case_id))


def _said(row: Case) -> Mapping[str, Any]:
    return {name: value for name, value in row.given.items() if name not in PROSE}


async def _result(told: Told, stage: Stage) -> World | None:
    result = told(stage)
    return await result if inspect.isawaitable(result) else result
