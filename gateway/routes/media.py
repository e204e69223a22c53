"""What users see of media: a commit's films and projects, what is known of one, and its pictures (S4.1-S4.5).

Promises: facts come from the tree entry and findings from the content's asset, so no read model is asked; a
list looks at a bounded number of files and goes on where it stopped; a refused file can be looked at by its
commit as well.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import dropwhile

from domain.asset import decider as assets
from domain.asset.decider import Asset, asset_id
from domain.commit import decider as commits
from domain.errors import (
    ChunkNotFoundError,
    CorruptedContainerError,
    NoPictureError,
    NotFoundError,
    PictureNotDrawnError,
)
from domain.format.tree import Entry
from domain.ids import Digest, FilePath, RepoId, parse_path
from domain.ports import ObjectName
from domain.snapshots import find
from gateway.core import Core
from gateway.findings import Content, described, fits, is_to_be_drawn, line, warnings_of, whole
from gateway.operation import Answer, AnyOperation, Call, Nothing, Operation, Wire
from gateway.ranges import is_known
from gateway.routes.commits import WARNING, published_in_path
from gateway.routes.trees import below, is_done
from gateway.wire import v2_media as wire
from gateway.wire.v2 import THE_END, Onward

JPEG = "image/jpeg"
MAY_BE_DRAWN_ANEW = ("Cache-Control", "private, no-cache")


def list_media(core: Core, call: Call[wire.ListMedia]) -> Answer:
    asked, limits, position = call.asked, core.limits, core.directory.position
    root = published_in_path(core, call).tree
    files = below(root, asked.prefix, core.content.tree)
    ahead = dropwhile(lambda each: is_done(each[0], asked.after), files)
    contents, found, reached = _Assets(core, call.repo), list[wire.MediaLine](), ""
    for walked, (path, entry) in enumerate(ahead):
        is_enough = walked == limits.media_walked_max or contents.loaded == limits.media_loaded_max
        if is_enough or len(found) == asked.limit:
            return Answer(wire.MediaLines(items=found, page=Onward(next=reached)), position)
        reached = path
        content = Content.of(path, entry, contents.of(entry.digest))
        if content.is_understood and fits(content, asked):
            found.append(line(content))
    return Answer(wire.MediaLines(items=found, page=THE_END), position)


def show(core: Core, call: Call[Nothing]) -> Answer:
    """Also of a file that is neither media nor a project: then there is nothing to tell."""
    position = core.directory.position
    content = _content(core, call)
    warnings = tuple(warnings_of(content))
    headers = ((WARNING, ", ".join(warnings)),) if warnings else ()
    return Answer(whole(content), position, headers=headers)


def get_picture(core: Core, call: Call[wire.AskPicture]) -> Answer:
    """Pictures can be drawn again, so one that is gone from the store is as one that never was."""
    kind, content = call.asked.kind, _content(core, call)
    drawn = content.asset.pictures.get(kind)
    missing = PictureNotDrawnError(kind=kind, path=content.path)
    if drawn is None and not is_to_be_drawn(content):
        raise NoPictureError(kind=kind, path=content.path, what=described(content))
    if drawn is None:
        raise missing
    etag = f'"{drawn.picture.hex()}"'
    headers = (("ETag", etag), MAY_BE_DRAWN_ANEW)
    if is_known(call.headers, etag):
        return Answer(status=304, headers=headers)
    try:
        picture = core.store.get(ObjectName("derived", drawn.picture))
    except ChunkNotFoundError as error:
        raise missing from error
    return Answer(picture, headers=headers, media_type=JPEG)


def _content(core: Core, call: Call[Wire]) -> Content:
    path, commit = parse_path(call.path["path"]), call.hex_id("commit", "commit")
    entry = named_file(core, call.repo, commit, path)
    return Content.of(path, entry, _Assets(core, call.repo).of(entry.digest))


def named_file(core: Core, repo: RepoId, commit: str, path: FilePath) -> Entry:
    """The file of a published commit, or of one that was refused for a damaged container: that content was
    verified to be this repository's before. Raises NotFoundError."""
    state = core.log.load(commits.DECIDER, commit).state
    if state.opened is None or state.opened.repo != repo:
        raise NotFoundError(thing="commit", name=commit)
    entry: Entry | None = None
    if state.phase == "published":
        assert state.built is not None
        entry = find(state.built.tree, path, core.content.tree)
    elif state.failure is not None and state.failure.code == CorruptedContainerError.code:
        entry = _refused_file(core, state.opened.tree, _recipes(state), path)
    if entry is None or entry.kind != "recipe":
        raise NotFoundError(thing="file", name=path)
    return entry


def _recipes(state: commits.Commit) -> dict[FilePath, Digest]:
    assert state.opened is not None
    return {change.path: change.recipe for change in state.opened.changes if change.recipe is not None}


def _refused_file(
    core: Core, tree: Digest | None, recipes: dict[FilePath, Digest], path: FilePath
) -> Entry | None:
    if tree is not None:
        return find(tree, path, core.content.tree)
    recipe = recipes.get(path)
    if recipe is None:
        return None
    return Entry(path.rpartition("/")[2], "recipe", recipe, core.content.recipe(recipe).size_bytes)


@dataclass(slots=True)
class _Assets:
    """The folds that one request looks at, each loaded once."""

    core: Core
    repo: RepoId
    _known: dict[Digest, Asset] = field(default_factory=dict[Digest, Asset])

    @property
    def loaded(self) -> int:
        return len(self._known)

    def of(self, recipe: Digest) -> Asset:
        if recipe not in self._known:
            loaded = self.core.log.load(assets.DECIDER, asset_id(self.repo, recipe))
            self._known[recipe] = loaded.state
        return self._known[recipe]


COMMIT = "/repos/{repo}/commits/{commit}"
SINCE = "v2"

OPERATIONS: tuple[AnyOperation, ...] = (
    Operation(
        "media.list",
        "GET",
        COMMIT + "/media",
        "read",
        wire.ListMedia,
        list_media,
        "The films, sounds and editing projects of a published commit, with what is known of each.",
        wire.MediaLines,
        since=SINCE,
    ),
    Operation(
        "media.show",
        "GET",
        COMMIT + "/media/{path:path}",
        "read",
        Nothing,
        show,
        "Everything that is known of a file's content; of one that was refused as damaged, too.",
        wire.Media,
        since=SINCE,
    ),
    Operation(
        "pictures.get",
        "GET",
        COMMIT + "/pictures/{path:path}",
        "read",
        wire.AskPicture,
        get_picture,
        "A poster frame or a contact sheet of a video, as JPEG.",
        since=SINCE,
    ),
)
