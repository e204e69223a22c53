"""`dits show`: one commit and what it changed."""

from __future__ import annotations

import click

from gateway.client import Change, Commit
from infra.cli.bars import in_words
from infra.cli.output import Output, Plain
from infra.cli.remote import Remote, in_repo

SIGNS = {"added": "+", "changed": "~", "removed": "-"}


@click.command()
@click.argument("ref")
@in_repo
@click.pass_obj
def command(output: Output, remote: Remote, *, ref: str) -> None:
    """One commit (an id, branch or tag) and what it changed against its first parent."""
    with remote.client() as client:
        commit = client.commit_of(remote.repo, ref)
        changes = list(client.commits.changes(remote.repo, commit.commit)) if commit.manifest else []
    output.result(_as_json(commit, changes), "\n".join(_lines(commit, changes)))


def _lines(commit: Commit, changes: list[Change]) -> list[str]:
    head = [
        f"commit   {commit.commit} ({commit.state}, {commit.branch})",
        f"author   {commit.author}",
        f"at       {commit.committed_at or '-'}",
        *(f"parent   {parent}" for parent in commit.parents),
        *([f"failed   {commit.failure.code}: {commit.failure.message}"] if commit.failure else []),
    ]
    message = ["", *(f"    {line}" for line in commit.message.splitlines()), ""]
    return [*head, *message, *(_line(change) for change in changes)]


def _line(change: Change) -> str:
    size = in_words(change.size_bytes) if change.size_bytes is not None and change.kind != "removed" else ""
    return f"{SIGNS.get(change.kind, '?')} {change.path}  {size}".rstrip()


def _as_json(commit: Commit, changes: list[Change]) -> dict[str, Plain]:
    return {
        "commit": commit.commit,
        "state": commit.state,
        "branch": commit.branch,
        "manifest": commit.manifest,
        "parents": list(commit.parents),
        "author": commit.author,
        "committed_at": commit.committed_at,
        "message": commit.message,
        "failure": {"code": commit.failure.code, "message": commit.failure.message}
        if commit.failure
        else None,
        "changes": [
            {"path": each.path, "kind": each.kind, "size_bytes": each.size_bytes, "recipe": each.recipe}
            for each in changes
        ],
    }
