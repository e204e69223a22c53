"""`dits projections` beside the running product: looking, rebuilding, and what does not fit (I5, S3.5)."""

from __future__ import annotations

import json
import logging
import signal
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import psycopg
import pytest
import structlog
from psycopg import sql

from gateway.client import Client
from infra.cli import exits
from infra.cli.operating import operator_settings
from infra.cli.output import Output
from infra.cli.projections import interruptible, rebuilt
from infra.clock import SystemClock
from infra.dev.laptop import OPERATOR_FILE, Laptop
from projections import ALL, builds
from projections.tags import TAGS
from projections.transactions import transaction
from tests.cli.conftest import Dits
from tests.e2e.product import Product, draft, wait_for_read_models

NAMES = [projection.name for projection in ALL]


@pytest.fixture(autouse=True)
def logs_as_they_were() -> Iterator[None]:
    """An operator's command sets up the logs of its process, which here is everybody's."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


@pytest.fixture
def product(laptop: Laptop) -> Product:
    return Product(laptop)


@pytest.fixture
def client(product: Product) -> Iterator[Client]:
    with product.client() as client:
        yield client


def told(dits: Dits, *words: str) -> list[dict[str, object]]:
    """The rows of a command that succeeds."""
    said = dits("projections", *words, "--json")
    assert said.code == exits.OK, said.err
    return said.rows


# ------------------------------------------------------------------ looking and rebuilding
@pytest.mark.usefixtures("film")
def test_every_read_model_is_listed_with_its_build(dits: Dits) -> None:
    lines = told(dits, "list")
    assert [line["name"] for line in lines] == NAMES
    for line in lines:
        assert str(line["build"]).startswith(f"{line['name']}_v{line['version']}_")


@pytest.mark.usefixtures("film")
def test_the_lag_ends(dits: Dits, product: Product) -> None:
    with product.behind() as on:
        wait_for_read_models(on)
    assert {line["lag_messages"] for line in told(dits, "lag")} == {0}


@pytest.mark.usefixtures("film")
def test_the_digest_is_the_one_that_the_gateway_tells(dits: Dits, client: Client) -> None:
    digests = {line["name"]: line["digest"] for line in told(dits, "digest")}
    assert list(digests) == NAMES
    assert digests["consumers"] == client.projections.digest("consumers")


@pytest.mark.usefixtures("film")
def test_all_are_rebuilt_and_say_how_fast(dits: Dits) -> None:
    before = {line["name"]: line["build"] for line in told(dits, "list")}
    made = told(dits, "rebuild", "--all")
    assert [line["name"] for line in made] == NAMES
    assert all(line["build"] != before[line["name"]] for line in made)
    assert all(isinstance(line["events_per_s"], int) for line in made)


@pytest.mark.usefixtures("film")
def test_a_dropped_one_has_no_digest_until_its_rebuild(dits: Dits) -> None:
    dropped = dits("projections", "drop", "tags")
    assert (dropped.code, dropped.err) == (exits.OK, "next: dits projections rebuild tags\n")
    assert {line["name"]: line["digest"] for line in told(dits, "digest")}["tags"] is None
    assert [line["name"] for line in told(dits, "rebuild", "tags")] == ["tags"]


def test_a_cancelled_rebuild_leaves_nothing(product: Product) -> None:
    with product.behind() as on, interruptible() as asked:
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(click.Abort):
            rebuilt(on, Output(as_json=True), TAGS, asked)
        with transaction(on.pool) as cursor:
            assert builds.unfinished(cursor, TAGS) == ()
            assert builds.live(cursor, TAGS) is not None


def test_a_second_interrupt_is_not_waited_with() -> None:
    before = signal.getsignal(signal.SIGINT)
    with interruptible():
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("rebuild",), exits.USAGE, "name one read model, or say --all"),
        (("rebuild", "tags", "--all"), exits.USAGE, "name one read model, or say --all"),
        (("rebuild", "nothing"), exits.NOT_FOUND, "[NOT_FOUND]"),
        (("retry", "tags", "tag.x", "--reason", "r"), exits.NOT_FOUND, "[NOT_FOUND]"),
        (("skip", "tags", "1", "0"), exits.USAGE, "Missing option '--reason'"),
    ],
)
@pytest.mark.usefixtures("film")
def test_what_cannot_be_done_is_said(dits: Dits, words: tuple[str, ...], code: int, said: str) -> None:
    ended = dits("projections", *words)
    assert (ended.code, said in ended.err) == (code, True), ended.err


# ------------------------------------------------------------------ events that do not fit
@contextmanager
def refusing(product: Product, name: str) -> Generator[None]:
    """While this is entered, the live build of `tags` takes no tag of this name."""
    with product.behind() as on, transaction(on.pool) as cursor:
        live = builds.live(cursor, TAGS)
        assert live is not None
        table = sql.Identifier(live.schema, "tags")
    change = sql.SQL("ALTER TABLE {table} {what}")
    check = sql.SQL("ADD CONSTRAINT refused CHECK (name <> {name})").format(name=sql.Literal(name))
    dsn = (product.laptop.data_dir / "postgres" / "dsn").read_text()
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(change.format(table=table, what=check))
        yield
        connection.execute(change.format(table=table, what=sql.SQL("DROP CONSTRAINT refused")))


def parked_tag(dits: Dits, product: Product, client: Client, tag: tuple[str, str]) -> dict[str, object]:
    """The line of a tag that was made while its read model refused it."""
    repo, name = tag
    commit = client.commits.open(repo, draft(client, repo, {"a": b"a"}, base=None)).commit
    with refusing(product, name):
        client.tags.create(repo, name, commit)
        until(client, parked=True)
        (line,) = told(dits, "parked")
    return line


def until(client: Client, *, parked: bool) -> None:
    give_up_ms = SystemClock().monotonic_ms() + 20_000
    while bool(client.projections.parked()) is not parked:
        assert SystemClock().monotonic_ms() < give_up_ms
        SystemClock().sleep(0.05)


def test_a_parked_stream_is_tried_again(dits: Dits, product: Product, client: Client, film: str) -> None:
    line = parked_tag(dits, product, client, (film, "tried"))
    assert (line["projection"], line["code"]) == ("tags", "CheckViolation")
    ended = dits("projections", "retry", "tags", str(line["aggregate"]), "--reason", "mended")
    assert ended.code == exits.OK, ended.err
    until(client, parked=False)
    assert [tag.name for tag in client.tags.list(film)] == ["tried"]


def test_a_skipped_event_stays_out_of_every_rebuild(
    dits: Dits, product: Product, client: Client, film: str
) -> None:
    line = parked_tag(dits, product, client, (film, "skipped"))
    where = (str(line["sequence"]), str(line["index"]))
    ended = dits("projections", "skip", "tags", *where, "--reason", "never mind")
    assert ended.code == exits.OK, ended.err
    until(client, parked=False)
    told(dits, "rebuild", "tags")
    assert client.tags.list(film) == ()


# ------------------------------------------------------------------ finding the servers
def test_nothing_runs_and_it_is_said(dits: Dits) -> None:
    ended = dits("projections", "list")
    assert (ended.code, "[NOT_RUNNING]" in ended.err) == (exits.UNAVAILABLE, True)


def test_what_a_killed_start_left_behind_is_not_believed(dits: Dits, alone: Path) -> None:
    (alone / "data").mkdir()
    (alone / "data" / "cluster.pid").write_text("1\n")
    (alone / "data" / OPERATOR_FILE).write_text(json.dumps({"DITS_NATS_URL": "nats://127.0.0.1:1"}))
    assert "[NOT_RUNNING]" in dits("projections", "list").err


def test_settings_that_name_half_of_the_servers_must_name_all(
    dits: Dits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DITS_NATS_URL", "nats://127.0.0.1:1")
    ended = dits("projections", "list")
    assert (ended.code, "DITS_POSTGRES_DSN is missing" in ended.err) == (exits.SETTINGS, True)


def test_the_servers_are_named_by_files_for_their_owner_alone(product: Product) -> None:
    file = product.laptop.data_dir / OPERATOR_FILE
    assert file.stat().st_mode & 0o077 == 0
    assert "PASSWORD_FILE" in file.read_text()
    settings = operator_settings({"DITS_DATA_DIR": str(product.laptop.data_dir)})
    assert settings.postgres_dsn == product.settings.postgres_dsn
