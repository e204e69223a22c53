"""The acceptance table, read: scenarios, their cases, and what `like`, `see` and `vars` make of each (R51).

Promises: knows the schema and nothing of Dits, so any table of the schema is read the same; a table that
contradicts itself (an id twice, a `like` that leads nowhere or round in a circle) is refused by name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

OWN = Path(__file__).with_name("versioning.yaml")
STANDARD = "std"
SENT = {"provided_value": "<what this request sends>", "source": "<where this request names it>"}
"""Inherited members of `details` that mean the request's own (R51 says so of the first)."""
TIMESTAMP_TAG = "tag:yaml.org,2002:timestamp"
LINE_OF_METHOD = re.compile(r"([A-Z]+) (\S.*)")

Given = Mapping[str, Any]


class TableError(Exception):
    """The table cannot be read; the message says where."""


class _Loader(yaml.SafeLoader):
    """A time stays the text that the table's author wrote."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != TIMESTAMP_TAG]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@dataclass(frozen=True, slots=True)
class Scenario:
    """What holds for its first case and those like it."""

    id: str
    title: str
    told: Given
    """Of `log`, `metrics` and `events`, those that it names."""


@dataclass(frozen=True, slots=True)
class Case:
    """One case with everything that it inherits."""

    id: str
    scenario: Scenario
    given: Given
    """As it stands in the table, but for its vars."""
    registry: str
    clock: object
    via: str
    auth: str | None
    after: str | None
    request: Given | str | None
    expect: Given
    leads: bool
    """The first of its scenario, or like it."""

    @property
    def told(self) -> Given:
        """What its log, metrics and events must be: its own win (R51), also when it counts its warnings."""
        inherited = dict(self.scenario.told) if self.leads else {}
        if "warnings" in self.expect:
            inherited.pop("log", None)
        own = {name: self.expect[name] for name in ("log", "metrics", "events") if name in self.expect}
        return {**inherited, **own}


@dataclass(frozen=True)
class Table:
    """A whole table; `case` gives one case with all it inherits."""

    raw: Given
    path: Path | None = None
    _resolving: list[str] = field(default_factory=list[str], repr=False, compare=False)

    @staticmethod
    def read(path: Path) -> Table:
        try:
            raw = yaml.load(path.read_text(), _Loader)
        except (OSError, yaml.YAMLError) as error:
            raise TableError(f"{path}: {error}") from error
        if not isinstance(raw, dict) or not isinstance(raw.get("scenarios"), list):
            raise TableError(f"{path}: a table is a mapping with a list of scenarios")
        table = Table(raw, path)
        for name in table.ids:
            table.case(name)
        return table

    @property
    def is_own(self) -> bool:
        return self.path is not None and self.path.resolve() == OWN

    @property
    def now(self) -> object:
        clock = self.raw.get("clock")
        return clock.get("now") if isinstance(clock, dict) else clock

    @property
    def credentials(self) -> Mapping[str, Given]:
        return self._fixtures("credentials")

    @property
    def registries(self) -> Mapping[str, Given]:
        return self._fixtures("registries")

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(self._rows)

    def case(self, name: str) -> Case:
        if name not in self._cases:
            if name in self._resolving:
                raise TableError(f"case {name} is like itself: {' -> '.join([*self._resolving, name])}")
            self._resolving.append(name)
            try:
                self._cases[name] = self._resolved(name)
            finally:
                self._resolving.pop()
        return self._cases[name]

    @cached_property
    def _cases(self) -> dict[str, Case]:
        return {}

    @cached_property
    def _rows(self) -> dict[str, tuple[Scenario, Given, bool]]:
        rows: dict[str, tuple[Scenario, Given, bool]] = {}
        for listed in self.raw["scenarios"]:
            told = {name: listed[name] for name in ("log", "metrics", "events") if name in listed}
            scenario = Scenario(str(listed["id"]), str(listed.get("title", "")), self.filled(told))
            for number, row in enumerate(listed.get("cases", [])):
                if row["id"] in rows:
                    raise TableError(f"case {row['id']} stands there twice")
                rows[row["id"]] = (scenario, self.filled(row), number == 0)
        return rows

    def _resolved(self, name: str) -> Case:
        if name not in self._rows:
            raise TableError(f"no case has the id {name}")
        scenario, row, is_first = self._rows[name]
        model = self.case(row["like"]) if "like" in row else None
        request = row.get("request", model.request if model else None)
        is_standing = "registry" in row or "after" in row
        return Case(
            id=name,
            scenario=scenario,
            given=row,
            registry=str(row.get("registry", model.registry if model else STANDARD)),
            clock=row.get("clock", model.clock if model else self.now),
            via=str(row.get("via", model.via if model else "asgi")),
            auth=row.get("auth", model.auth if model and "request" not in row else None),
            after=row.get("after") if is_standing or model is None else model.after,
            request=parsed_request(request),
            expect=self._expected(row, model),
            leads=is_first or (model is not None and model.scenario is scenario and model.leads),
        )

    def _expected(self, row: Given, model: Case | None) -> Given:
        own = row.get("expect") or {}
        inherited: Given = model.expect if model else {}
        for word in ("see", "like"):
            if word in own:
                inherited = merged(inherited, self.case(own[word]).expect)
        details = inherited.get("details") or {}
        meant = {name: word for name, word in SENT.items() if name in details}
        inherited = merged(inherited, {"details": meant}) if meant else inherited
        return merged(inherited, {name: value for name, value in own.items() if name not in ("see", "like")})

    def filled(self, value: Any) -> Any:
        """The same with every `$NAME` of the table's vars put in."""
        if isinstance(value, dict):
            return {self.filled(name): self.filled(each) for name, each in value.items()}
        if isinstance(value, list):
            return [self.filled(each) for each in value]
        if isinstance(value, str):
            return self._variable.sub(lambda match: self._vars[match[1] or match[2]], value)
        return value

    @cached_property
    def _vars(self) -> Mapping[str, str]:
        return {str(name): str(value) for name, value in (self.raw.get("vars") or {}).items()}

    @cached_property
    def _variable(self) -> re.Pattern[str]:
        """The longest name that fits: `$RESULT` is not `$RES` and more."""
        names = "|".join(sorted(map(re.escape, self._vars), key=len, reverse=True)) or r"(?!)"
        return re.compile(rf"\$(?:\{{({names})\}}|({names}))")

    def _fixtures(self, kind: str) -> Mapping[str, Given]:
        found: Mapping[str, Given] = (self.raw.get("fixtures") or {}).get(kind) or {}
        filled: Mapping[str, Given] = self.filled({str(name): value for name, value in found.items()})
        return filled


def merged(inherited: Given, own: Given) -> Given:
    """`own` into `inherited`, member by member; mappings are merged, everything else is replaced."""
    result = dict(inherited)
    for name, value in own.items():
        old = result.get(name)
        result[name] = merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return result


def parsed_request(request: Any) -> Given | str | None:
    """`POST /repos` means a method and a path, as a request or as a request's path."""
    if isinstance(request, str):
        match = LINE_OF_METHOD.fullmatch(request)
        return {"method": match[1], "path": match[2]} if match else request
    if isinstance(request, dict) and (match := LINE_OF_METHOD.fullmatch(str(request.get("path", "")))):
        return {"method": match[1], **request, "path": match[2]}
    return request  # type: ignore[no-any-return]
