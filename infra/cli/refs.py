"""What `dits branch` and `dits tag` share: a list without a name, a new or deleted one with it."""

from __future__ import annotations

from gateway.client import Client
from gateway.client.repos import Refs
from infra.cli.output import Output, Plain


def listed(output: Output, refs: Refs, repo: str) -> None:
    rows = [(ref.name, ref.commit, ref.manifest) for ref in refs.list(repo)]
    output.rows(("name", "commit", "manifest"), rows)


def created(output: Output, client: Client, refs: Refs, where: tuple[str, str, str]) -> None:
    """`where` is repository, name, and the commit, branch or tag that it stands at."""
    repo, name, at = where
    ref = refs.create(repo, name, client.commit_of(repo, at).commit)
    result: dict[str, Plain] = {"name": ref.name, "commit": ref.commit, "manifest": ref.manifest}
    output.result(result, f"{ref.name} is at {ref.commit}")


def deleted(output: Output, refs: Refs, repo: str, name: str) -> None:
    refs.delete(repo, name)
    output.result({"deleted": name}, f"Deleted {name}; its commits stay for whatever else names them")
