"""What a commit holds and what it changed, read from its trees in the object store."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import dropwhile, islice

from domain.format.tree import Entry
from domain.ids import Digest, FilePath
from domain.snapshots import Change, Load, diff, find, walk
from gateway.core import Core
from gateway.operation import Answer, AnyOperation, Call, Operation
from gateway.routes.commits import published, published_in_path
from gateway.wire.v2 import ChangedFile, ChangedFiles, File, Files, ListFiles, Onward, Page


def list_files(core: Core, call: Call[ListFiles]) -> Answer:
    asked, load = call.asked, core.content.tree
    root = published_in_path(core, call).tree
    files = below(root, asked.prefix, load)
    found = [
        File(path=path, size_bytes=entry.size_bytes, recipe=entry.digest.hex())
        for path, entry in islice(dropwhile(lambda each: is_done(each[0], asked.after), files), asked.limit)
    ]
    more = found[-1].path if len(found) == asked.limit else None
    return Answer(Files(items=found, page=Onward(next=more)), core.directory.position)


def list_changes(core: Core, call: Call[Page]) -> Answer:
    """Against the first parent; the first commit of a branch added all it holds."""
    asked, load = call.asked, core.content.tree
    here = published_in_path(core, call)
    before = published(core, call.repo, here.parent).tree if here.parent is not None else None
    ahead = dropwhile(lambda change: is_done(change.path, asked.after), diff(before, here.tree, load))
    found = [_changed(change) for change in islice(ahead, asked.limit)]
    more = found[-1].path if len(found) == asked.limit else None
    return Answer(ChangedFiles(items=found, page=Onward(next=more)), core.directory.position)


def below(root: Digest | None, prefix: str, load: Load) -> Iterable[tuple[FilePath, Entry]]:
    """Files whose path begins with `prefix`; directories beside the way to it are not read."""
    directory, _, _ = prefix.rpartition("/")
    if directory:
        entry = find(root, directory, load)
        if entry is None or entry.kind != "tree":
            return ()
        root = entry.digest
    return _with_prefix(root, directory, prefix, load)


def _with_prefix(
    root: Digest | None, directory: str, prefix: str, load: Load
) -> Iterator[tuple[FilePath, Entry]]:
    for path, entry in walk(root, load):
        whole = FilePath(f"{directory}/{path}" if directory else path)
        if whole.startswith(prefix):
            yield whole, entry


def is_done(path: str, after: str) -> bool:
    """Walks go by segments, so that is how a page goes on."""
    return bool(after) and path.split("/") <= after.split("/")


def _changed(change: Change) -> ChangedFile:
    if change.after is None:
        return ChangedFile(path=change.path, kind="removed", size_bytes=0, recipe=None)
    return ChangedFile(
        path=change.path,
        kind="added" if change.before is None else "changed",
        size_bytes=change.after.size_bytes,
        recipe=change.after.digest.hex(),
    )


PATH = "/repos/{repo}/commits/{commit}"

OPERATIONS: tuple[AnyOperation, ...] = (
    Operation(
        "commits.changes",
        "GET",
        PATH + "/changes",
        "read",
        Page,
        list_changes,
        "What a published commit changed against its first parent.",
        ChangedFiles,
    ),
    Operation(
        "files.list",
        "GET",
        PATH + "/files",
        "read",
        ListFiles,
        list_files,
        "The files of a published commit, in the order of their path's segments.",
        Files,
    ),
)
