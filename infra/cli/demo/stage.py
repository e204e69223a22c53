"""What the demo's acts share: the laptop, the people, and how things are shown."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import click

from gateway.client import Client, Commit, Event
from infra.cli.first_start import KEY_FILE
from infra.clock import SystemClock
from infra.compose import Ground, ground
from infra.dev.laptop import Laptop
from infra.settings import load_settings
from projections import ALL, operating
from projections.operating import Digest
from projections.projection import Projection
from projections.reading import reading
from projections.refcounts.queries import REFCOUNTS, Alive, alive
from projections.tiers import TIERS, stored

REPO, BRANCH, FILM = "feature", "main", "film.mp4"
CATCH_UP_S = 10.0
POLL_S = 0.02


@dataclass(slots=True)
class Stage:
    """One run of the demo."""

    laptop: Laptop
    directory: Path
    clock: SystemClock = field(default_factory=SystemClock)
    began_ms: int = 0
    people: dict[str, Client] = field(default_factory=dict[str, Client])
    films: list[Path] = field(default_factory=list[Path])
    """What was committed, oldest first."""
    commits: list[Commit] = field(default_factory=list[Commit])

    def __post_init__(self) -> None:
        self.began_ms = self.clock.monotonic_ms()

    def elapsed_s(self) -> float:
        return (self.clock.monotonic_ms() - self.began_ms) / 1000

    @property
    def owner(self) -> Client:
        return self.people["owner"]

    def enter(self, name: str, key: str) -> Client:
        self.people[name] = Client(self.laptop.url, key)
        return self.people[name]

    def first_key(self) -> str:
        return str(json.loads((self.laptop.data_dir / KEY_FILE).read_text())["key"])

    @contextmanager
    def behind_the_scenes(self) -> Generator[Ground]:
        """What an operator of this machine sees."""
        settings = load_settings(self.laptop.environment)
        with ground(settings, "dits-demo") as on:
            yield on

    def stored_bytes(self) -> int:
        with self.behind_the_scenes() as on:
            self.wait_for_read_models(on)
            with reading(on.pool, TIERS) as (cursor, _):
                return stored(cursor).size_bytes

    def live_counts(self) -> Alive:
        with self.behind_the_scenes() as on:
            self.wait_for_read_models(on)
            with reading(on.pool, REFCOUNTS) as (cursor, _):
                return alive(cursor)

    def digests(self, on: Ground) -> dict[str, Digest]:
        self.wait_for_read_models(on)
        return {name: operating.digest(on.pool, one) for name, one in projections_by_name().items()}

    def wait_for_read_models(self, on: Ground) -> None:
        give_up_ms = self.clock.monotonic_ms() + int(CATCH_UP_S * 1000)
        while True:
            end = on.log.events.end()
            lines = operating.standings(on.pool, projections_by_name().values(), end)
            if all(line.lag_messages == 0 for line in lines):
                return
            must("the read models reach the log's end", holds=self.clock.monotonic_ms() < give_up_ms)
            self.clock.sleep(POLL_S)

    def events_of(self, aggregate: str) -> list[Event]:
        return [event for event in self.owner.events.replay(REPO) if event.aggregate == aggregate]


def projections_by_name() -> dict[str, Projection]:
    return {projection.name: projection for projection in ALL}


def must(what: str, *, holds: bool) -> None:
    """A demo that does not hold is a bug of ours: it ends with a traceback."""
    if not holds:
        raise AssertionError(f"this did not hold: {what}")


def say(text: str) -> None:
    click.echo(text)


def act(number: int, title: str) -> None:
    click.secho(f"\n{number}. {title}", bold=True)


def held(text: str) -> None:
    click.echo(click.style("   ok ", fg="green") + text)


def show_events(events: Iterable[Event]) -> None:
    for event in events:
        click.secho(f"      {event.recorded_at}  {event.topic:<34} {_gist(event)}", dim=True)


def _gist(event: Event) -> str:
    """The two or three facts that a reader looks for."""
    wanted = (
        "step",
        "undone",
        "code",
        "message",
        "path",
        "holder_name",
        "fencing_token",
        "name",
        "branch_name",
    )
    return "  ".join(
        f"{name}={event.event[name]}" for name in wanted if event.event.get(name) not in {None, ""}
    )


def mib(size_bytes: int) -> str:
    return f"{size_bytes / (1 << 20):.1f} MiB"
