"""The operator's file of API versions: YAML in, what it declares out, and the other way round.

Promises: only plain YAML is taken: no tags, no aliases (so no bombs), no duplicate keys, little of it and not
deep; what is wrong is said with its line and column (V5.1); times may be written with or without quotes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, cast

import yaml
from pydantic import ValidationError

from domain.api_registry.declared import Declared, declared
from domain.api_registry.events import DeclaredVersion
from domain.errors import RegistryFileError

BYTES_MAX = 256 * 1024
"""A hundred versions are about 20 KiB."""
DEPTH_MAX = 8
"""A registry has three levels; PyYAML needs a minute for 20,000 (measured)."""
PROBLEM_CHARACTERS_MAX = 500
"""Of what is told of a file; it becomes an event."""
TERMS = frozenset(DeclaredVersion.model_fields) - {"version_id"}
SCALARS = frozenset({"str", "bool", "null", "timestamp", "int", "float"})

BUILT_IN = """\
# What Dits serves if no file is named. v1 goes on working; v2 is what new clients use.
versions:
  v1:
    status: deprecated
    released_at: "2026-11-22T00:00:00Z"
    deprecated_at: "2026-11-22T00:00:00Z"
    successor: v2
    migration_guide_url: https://docs.dits.example/migrations/v1-to-v2
  v2:
    status: current
    released_at: "2026-11-22T00:00:00Z"
"""


class Mark(Protocol):
    """A place in the text, from 0."""

    line: int
    column: int


Fields = dict[str, "str | bool | None"]


def parsed(text: str) -> Declared:
    """Raises RegistryFileError, with `line` and `column` from 1 where they are known."""
    if len(text.encode(errors="replace")) > BYTES_MAX:
        raise RegistryFileError(problem=f"it has more than {BYTES_MAX} bytes")
    try:
        _refuse_tricks(text)
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        raise _wrong(error.problem or "it is no YAML", error.problem_mark) from error
    except (yaml.YAMLError, RecursionError) as error:
        raise RegistryFileError(problem="it is no YAML text") from error
    return _declared(root)


def written(what: Declared) -> str:
    """The file that says this; `parsed` reads it back."""
    versions = {
        version.version_id: {
            name: said
            for name, said in version.model_dump(exclude={"version_id"}).items()
            if said is not None and said is not False
        }
        for version in what.versions
    }
    default = {"default_version": what.default_version} if what.default_version is not None else {}
    return yaml.safe_dump({**default, "versions": versions}, sort_keys=False, allow_unicode=True)


def _refuse_tricks(text: str) -> None:
    """Before anything is built of it."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent):
            raise _wrong("it holds an alias; write out what it stands for", event.start_mark)
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEPTH_MAX:
            raise _wrong("it nests too deep", event.start_mark)


def _declared(root: yaml.Node | None) -> Declared:
    if root is None or _is_null(root):
        return Declared((), None)
    top = _members(root, "the file")
    _refuse_unknown(top, {"default_version", "versions"})
    default = _scalar(top["default_version"][1]) if "default_version" in top else None
    if isinstance(default, bool):
        raise _wrong("default_version names a version", top["default_version"][1].start_mark)
    if "versions" not in top:
        return Declared((), None)
    node = top["versions"][1]
    versions = {} if _is_null(node) else _members(node, "versions")
    made = [_version(name, terms) for name, (_, terms) in versions.items()]
    try:
        return declared(made, default)
    except RegistryFileError as error:
        name = str(error.facts["problem"]).partition(":")[0]
        raise _wrong(str(error.facts["problem"]), _mark_of(versions, name, node)) from error


def _version(name: str, node: yaml.Node) -> DeclaredVersion:
    terms = _members(node, name)
    _refuse_unknown(terms, TERMS)
    fields: Fields = {term: _scalar(value) for term, (_, value) in terms.items()}
    try:
        return DeclaredVersion.model_validate({"version_id": name, **fields})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        term = str(first["loc"][0])
        place = terms[term][1].start_mark if term in terms else node.start_mark
        raise _wrong(f"{name}: {term}: {first['msg']}", place) from error


Members = Mapping[str, tuple[yaml.Node, yaml.Node]]


def _members(node: yaml.Node, what: str) -> Members:
    """Key and value nodes of a mapping, by name."""
    if not isinstance(node, yaml.MappingNode) or node.tag != "tag:yaml.org,2002:map":
        raise _wrong(f"{what} is no mapping", node.start_mark)
    members: dict[str, tuple[yaml.Node, yaml.Node]] = {}
    for key, value in cast("list[tuple[yaml.Node, yaml.Node]]", node.value):
        name = _scalar(key)
        if not isinstance(name, str) or name in members:
            raise _wrong(f"{what} has a key twice, or one that is no name", key.start_mark)
        members[name] = (key, value)
    return members


def _scalar(node: yaml.Node) -> str | bool | None:
    kind = node.tag.removeprefix("tag:yaml.org,2002:")
    if not isinstance(node, yaml.ScalarNode) or kind not in SCALARS:
        raise _wrong("only plain text, true, false and null may stand here", node.start_mark)
    if kind == "bool":
        return str(node.value).lower() in {"true", "yes", "on"}
    return None if kind == "null" else str(node.value)


def _is_null(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag.endswith(":null")


def _refuse_unknown(members: Members, known: frozenset[str] | set[str]) -> None:
    for name, (key, _) in members.items():
        if name not in known:
            raise _wrong(
                f"{name[:64]!r} is not known here; known are {', '.join(sorted(known))}", key.start_mark
            )


def _mark_of(versions: Members, name: str, otherwise: yaml.Node) -> Mark:
    return versions[name][0].start_mark if name in versions else otherwise.start_mark


def _wrong(problem: str, mark: Mark | None) -> RegistryFileError:
    """YAML can spell half a character, which nothing can say again, and names of any length."""
    problem = problem.encode(errors="backslashreplace").decode()[:PROBLEM_CHARACTERS_MAX]
    if mark is None:
        return RegistryFileError(problem=problem)
    return RegistryFileError(problem=problem, line=mark.line + 1, column=mark.column + 1)
