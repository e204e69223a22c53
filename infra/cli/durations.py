"""Durations as people write them, ``90s``, ``30m``, ``8h``, ``2d``; moments, RFC 3339 or so long from now."""

from __future__ import annotations

import re
from datetime import timedelta

import click

from domain.api_registry.registry import moment_of, text_of
from infra.clock import SystemClock

UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


class Duration(click.ParamType[int]):
    """Whole seconds."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        found = re.fullmatch(r"([1-9][0-9]{0,6})([smhd])", str(value))
        if found is None:
            self.fail(f"{value!r} is no duration; write 90s, 30m, 8h or 2d", param, ctx)
        return int(found[1]) * UNITS_S[found[2]]


class Moment(click.ParamType[str]):
    """A point in time as RFC 3339 in UTC; ``+30m`` is half an hour from now."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        text = str(value)
        if text.startswith("+"):
            ahead = timedelta(seconds=Duration().convert(text[1:], param, ctx))
            return text_of((SystemClock().now() + ahead).replace(microsecond=0))
        try:
            return text_of(moment_of(text))
        except ValueError:
            self.fail(f"{text!r} is no time; write 2027-06-01T00:00:00Z, or +30m from now", param, ctx)
