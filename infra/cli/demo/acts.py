"""The eight acts of the demo. Each raises if what it shows does not hold."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from blake3 import blake3

from gateway.client import Client, Commit, Draft, ProblemError
from gateway.client.format.digest import Digest
from gateway.client.format.recipe import ChunkRef, Recipe
from gateway.client.sessions import Upload
from infra.cli.bars import bar
from infra.cli.demo.stage import (
    BRANCH,
    FILM,
    REPO,
    Stage,
    act,
    held,
    mib,
    must,
    projections_by_name,
    say,
    show_events,
)
from infra.cli.output import Output
from infra.clock import SystemIds
from infra.compose import rebuilder
from infra.dev.film import edit_film, make_film
from infra.dev.laptop import WORKER
from projections import operating

FILM_BYTES = 64 << 20
CRASH_POINT = "store:appended"
SIGKILLED = -9
CRASH_WAIT_S = 30.0

Contents = Callable[[Upload], dict[str, str | None]]
"""Sends what a commit needs, and says which paths it changes."""


def play(stage: Stage, video: Path | None) -> None:
    start(stage)
    first_commit(stage, video)
    second_commit(stage)
    lock(stage)
    crash(stage)
    fail(stage)
    rebuild(stage)
    check_out(stage)


def start(stage: Stage) -> None:
    act(1, "Start nats-server, PostgreSQL 18, a gateway and a worker in a fresh directory")
    stage.laptop.start()
    owner = stage.enter("owner", stage.first_key())
    owner.repos.create(REPO)
    for name in ("alice", "bob"):
        issued = owner.keys.issue(name, ["write"], [REPO])
        assert issued.key is not None, "a new key is shown"
        stage.enter(name, issued.key)
    pids = {name: child.pid for name, child in stage.laptop.children.items()}
    held(f"{stage.laptop.url} answers; processes: {pids} ({stage.elapsed_s():.1f} s)")


def first_commit(stage: Stage, video: Path | None) -> None:
    act(2, "Push a real film through the HTTP API")
    film = stage.directory / "first" / FILM
    film.parent.mkdir()
    if video is not None:
        film.symlink_to(video.absolute())
    else:
        say(f"   encoding {mib(FILM_BYTES)} of H.264 and AAC ...")
        make_film(film, size_bytes=FILM_BYTES, title="Rushes, take 1", progress=lambda _: None)
    sent = _push(stage, film, "First take")
    held(f"{FILM}: {mib(film.stat().st_size)} read, {mib(sent)} sent")


def second_commit(stage: Stage) -> None:
    act(3, "Edit it (trim the head, mux anew, change the title) and push the result")
    edited = stage.directory / "second" / FILM
    edited.parent.mkdir()
    edit_film(stage.films[0], edited, skip_s=2, title="Rushes, first cut")
    sent = _push(stage, edited, "First cut")
    logical = sum(film.stat().st_size for film in stage.films)
    stored = stage.stored_bytes()
    must("two versions take less than twice the space", holds=stored < logical)
    must("what the server has is not sent again", holds=sent < edited.stat().st_size)
    stage.owner.tags.create(REPO, "rough-cut", stage.commits[0].commit)
    held(
        f"logical {mib(logical)}, stored {mib(stored)}, newly sent {mib(sent)}; tagged the first as rough-cut"
    )


def _push(stage: Stage, film: Path, message: str) -> int:
    with bar(Output(as_json=False), "pushing") as report:
        pushed = stage.people["alice"].push(REPO, BRANCH, film, message=message, progress=report)
    must("a push of something new makes a commit", holds=pushed.commit is not None)
    assert pushed.commit is not None
    stage.films.append(film)
    stage.commits.append(pushed.commit)
    return pushed.progress.bytes_sent


def lock(stage: Stage) -> None:
    act(4, "Lock the film as alice; bob may not change it, not even with the right token")
    locked = stage.people["alice"].locks.acquire(REPO, FILM)[0]
    assert locked.token is not None, "the holder is told the token"
    held(f"alice holds {locked.path} with token {locked.token}")
    without: tuple[tuple[str, int], ...] = ()
    for tokens in (without, ((FILM, locked.token),)):
        problem = _refused(stage, stage.people["bob"], tokens=tokens)
        must(f"bob hears LOCK_HELD, not {problem.code}", holds=problem.code == "LOCK_HELD")
        must("the answer names the holder", holds=problem.details.get("holder") == "alice")
        how = "with the right token" if tokens else "without a token"
        held(f"bob commits {how}: {problem.status} {problem.code}: {problem.message}")


def crash(stage: Stage) -> None:
    act(5, f"Kill the worker with SIGKILL at '{CRASH_POINT}' of a commit; the next worker goes on by itself")
    stage.laptop.children[WORKER].stop(10)
    stage.laptop.launch(WORKER, DITS_CRASH_AT=CRASH_POINT)
    alice = stage.people["alice"]
    with ThreadPoolExecutor(1) as aside:
        asked = aside.submit(_commit, alice, _note("notes.txt", "colour is off at 00:12"))
        code = stage.laptop.children[WORKER].wait(CRASH_WAIT_S)
        must(f"the worker was killed (its exit code is {code})", holds=code == SIGKILLED)
        held("the worker was killed between two steps; the client still waits")
        stage.laptop.launch(WORKER)
        commit = asked.result()
    must("the commit is published after all", holds=commit.state == "published")
    held(f"the new worker finished commit {commit.commit}:")
    show_events(stage.events_of(f"commit.{commit.commit}"))


def fail(stage: Stage) -> None:
    act(6, "Make commits fail for good: at the first step, and at the pivot")
    alice = stage.people["alice"]
    head, counts = alice.branches.get(REPO, BRANCH), stage.live_counts()
    _fails(stage, _ghost("ghost.mp4"), base=head.commit, code="UNKNOWN_CONTENT", fixed=False)
    note = _note("late.txt", "this head is long gone")
    _fails(stage, note, base=stage.commits[0].commit, code="STALE_HEAD", fixed=True)
    must("the head is where it was", holds=alice.branches.get(REPO, BRANCH) == head)
    must("the live counts are what they were", holds=stage.live_counts() == counts)
    held(f"head and counts are as before: {counts.chunks} live chunks, {counts.chunk_references} references")


def _fails(stage: Stage, contents: Contents, *, base: str, code: str, fixed: bool) -> None:
    alice = stage.people["alice"]
    before = {event.aggregate for event in stage.owner.events.replay(REPO)}
    try:
        _commit(alice, contents, base=base, fixed=fixed)
        raise AssertionError(f"the commit did not fail with {code}")
    except ProblemError as problem:
        must(f"it fails with {code}, not {problem.code}", holds=problem.code == code)
        held(f"{problem.status} {problem.code}: {problem.message}")
    after = [event for event in stage.owner.events.replay(REPO) if event.aggregate not in before]
    story = [event for event in after if event.aggregate.startswith("commit.")]
    must("it ends compensated", holds=story[-1].topic.startswith("commit.compensated"))
    undone = [str(event.event["step"]) for event in story if event.topic.startswith("commit.step_comp")]
    done = [step for event in story for step, topic in FORWARD.items() if event.topic.startswith(topic)]
    must(f"steps {done} are compensated in reverse order, not as {undone}", holds=undone == done[::-1])
    show_events(story)


FORWARD = {"verify": "commit.verified", "store": "commit.manifest_recorded", "check": "commit.checked"}


def rebuild(stage: Stage) -> None:
    act(7, "Drop every read model (not the archive) and rebuild all of them by replay")
    stage.laptop.children[WORKER].stop(10)
    with stage.behind_the_scenes() as on:
        stage.laptop.launch(WORKER)
        before = stage.digests(on)
        stage.laptop.children[WORKER].stop(10)
        for projection in projections_by_name().values():
            operating.drop(on.pool, projection)
        builder = rebuilder(on)
        built = {name: builder.rebuild(one) for name, one in projections_by_name().items()}
        after = stage.digests(on)
    for name, rebuilt in built.items():
        must(f"{name} is the same after the rebuild", holds=before[name].tables == after[name].tables)
        must(f"the rebuild of {name} covers something", holds=after[name].rows > 0)
        held(
            f"{name:<13} {after[name].rows:>5} rows  before {before[name].whole[:12]}  "
            f"after {after[name].whole[:12]}  {rebuilt.events:>4} events  {rebuilt.events_per_s:>6} events/s"
        )
    stage.laptop.launch(WORKER)


def check_out(stage: Stage) -> None:
    act(8, "Check both commits out and compare every byte")
    for number, (film, commit) in enumerate(zip(stage.films, stage.commits, strict=True), start=1):
        directory = stage.directory / f"checkout-{number}"
        stage.people["bob"].checkout(REPO, commit.commit, directory)
        here, there = _blake3(film), _blake3(directory / FILM)
        must(f"{FILM} of commit {number} is what was pushed", holds=here == there)
        held(f"{commit.commit[:12]}  {FILM}  blake3 {there[:16]}... equal")
    say(f"   what happened on {BRANCH}, as the log tells it:")
    told = ("branch.", "tag.", "commit.opened", "commit.published", "commit.failed", "locks.")
    show_events(event for event in stage.owner.events.replay(REPO) if event.topic.startswith(told))


def _refused(stage: Stage, client: Client, tokens: tuple[tuple[str, int], ...]) -> ProblemError:
    older = next(file for file in client.commits.files(REPO, stage.commits[0].commit) if file.path == FILM)
    try:
        _commit(client, lambda _: {FILM: older.recipe}, tokens=tokens)
    except ProblemError as problem:
        return problem
    raise AssertionError("a commit to a path that another has locked was not refused")


def _commit(
    client: Client,
    contents: Contents,
    *,
    base: str | None = None,
    fixed: bool = False,
    tokens: tuple[tuple[str, int], ...] = (),
) -> Commit:
    """Send `contents` in a session of its own and commit it."""
    head = base or client.branches.get(REPO, BRANCH).commit
    upload = client.sessions.within(REPO, client.sessions.start(REPO))
    draft = Draft(
        branch=BRANCH,
        session=upload.session.session,
        base=head,
        message="demo",
        changes=contents(upload),
        fixed_head=fixed,
        tokens=tokens,
    )
    return client.commits.open(REPO, draft)


def _note(path: str, text: str) -> Contents:
    def sent(upload: Upload) -> dict[str, str | None]:
        chunk = ChunkRef.of(text.encode())
        recipe = Recipe.opaque([chunk])
        upload.send_chunks([(chunk.digest, text.encode())])
        upload.send_recipes([(recipe.digest, recipe.encode())])
        return {path: recipe.digest.hex()}

    return sent


def _ghost(path: str) -> Contents:
    """A recipe whose chunk is never sent."""

    def sent(upload: Upload) -> dict[str, str | None]:
        recipe = Recipe.opaque([ChunkRef(Digest(SystemIds().token(32)), 4096)])
        upload.send_recipes([(recipe.digest, recipe.encode())])
        return {path: recipe.digest.hex()}

    return sent


def _blake3(file: Path) -> str:
    hasher = blake3()
    hasher.update_mmap(file)
    return hasher.hexdigest()
