"""Tags: names that never move. Each holds its commit's manifest for as long as it lives."""

from __future__ import annotations

from domain import references
from domain import tag as tags
from domain.errors import NotFoundError
from domain.ids import CommitId, parse_ref, tag_id
from domain.references import MoveHolder, tag_holder
from domain.tag import CreateTag, DeleteTag, TagCreated
from gateway.core import Core
from gateway.operation import Answer, AnyOperation, Call, Nothing, Operation
from gateway.reading import Page as Rows
from gateway.routes.commits import published
from gateway.wire.v2 import NameCommit, Onward, Page, Tag, Tags


def list_tags(core: Core, call: Call[Page]) -> Answer:
    page = call.asked
    seen = core.reading.tags(call.repo, call.after, Rows(page.limit, page.after))
    rows = [Tag(name=row.name, commit=row.commit, manifest=row.manifest.hex()) for row in seen.rows]
    more = rows[-1].name if len(rows) == page.limit else None
    return Answer(Tags(items=rows, page=Onward(next=more)), seen.position)


def get(core: Core, call: Call[Nothing]) -> Answer:
    name, position = parse_ref(call.path["name"]), core.directory.position
    created = core.log.load(tags.DECIDER, tag_id(call.repo, name)).state.created
    if created is None:
        raise NotFoundError(thing="tag", name=name)
    return Answer(_tag(created), position, headers=(("ETag", f'"{created.commit}"'),))


def create(core: Core, call: Call[NameCommit]) -> Answer:
    name, repo = parse_ref(call.asked.name), call.repo
    manifest = published(core, repo, call.asked.commit).manifest
    tag = tag_id(repo, name)
    outcome = core.log.ask(
        tags.DECIDER.ask(tag, CreateTag(repo, tag, name, CommitId(call.asked.commit), manifest)),
        references.DECIDER.ask(repo, MoveHolder(repo, tag_holder(tag), None, manifest)),
        context=call.context,
    )
    created = next(each.event for each in outcome.events if isinstance(each.event, TagCreated))
    location = (("Location", f"/repos/{call.repo_name}/tags/{name}"),)
    return Answer(_tag(created), outcome.position, headers=location, replayed=outcome.replayed)


def delete(core: Core, call: Call[Nothing]) -> Answer:
    name, repo = parse_ref(call.path["name"]), call.repo
    tag = tag_id(repo, name)
    created = core.log.load(tags.DECIDER, tag).state.created
    asks = [tags.DECIDER.ask(tag, DeleteTag(name))]
    if created is not None:
        holder = tag_holder(tag)
        asks.append(references.DECIDER.ask(repo, MoveHolder(repo, holder, created.manifest, None)))
    outcome = core.log.ask(*asks, context=call.context)
    return Answer(position=outcome.position, replayed=outcome.replayed)


def _tag(created: TagCreated) -> Tag:
    return Tag(name=created.name, commit=created.commit, manifest=created.manifest.hex())


PATH = "/repos/{repo}/tags"
ONE = "/repos/{repo}/tags/{name:path}"

OPERATIONS: tuple[AnyOperation, ...] = (
    Operation("tags.list", "GET", PATH, "read", Page, list_tags, "All tags by name.", Tags),
    Operation(
        "tags.create",
        "POST",
        PATH,
        "write",
        NameCommit,
        create,
        "A new tag for a published commit of this repository.",
        Tag,
        success=201,
        takes="json",
        claims_name=True,
    ),
    Operation("tags.get", "GET", ONE, "read", Nothing, get, "One tag and its commit.", Tag),
    Operation("tags.delete", "DELETE", ONE, "write", Nothing, delete, "Delete a tag.", success=204),
)
