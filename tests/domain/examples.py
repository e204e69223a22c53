"""The cast of the domain's tests: one repository, two people, and content named by what it is called."""

from __future__ import annotations

from domain.commit.events import CommitOpened, LockToken, PathChange
from domain.consumer import consumer_id
from domain.format.digest import digest_of
from domain.ids import CommitId, Digest, FilePath, SessionId, branch_id, repo_id, tag_id

FILM = repo_id("film")
ADA = consumer_id("ada")
BOB = consumer_id("bob")
MAIN = branch_id(FILM, "main")
CUT_1 = tag_id(FILM, "cut-1")
SESSION = SessionId("5e55" * 8)
COMMIT = CommitId("c0" * 16)
OTHER_COMMIT = CommitId("c1" * 16)
CLIP = FilePath("a/clip.mov")
SOUND = FilePath("a/sound.wav")


def named(text: str) -> Digest:
    """The name of content that consists of this text."""
    return digest_of(text.encode())


def opening(
    *changes: PathChange,
    commit: CommitId = COMMIT,
    base: CommitId | None = None,
    tree: Digest | None = None,
    fixed_head: bool = False,
    tokens: tuple[LockToken, ...] = (),
) -> CommitOpened:
    """Ada's request to commit to main."""
    return CommitOpened(
        commit=commit,
        repo=FILM,
        branch=MAIN,
        branch_name="main",
        session=SESSION,
        base=base,
        tree=tree,
        changes=changes,
        fixed_head=fixed_head,
        author=ADA,
        author_name="ada",
        message="first cut",
        tokens=tokens,
        raw=(),
        opened_at_ms=1_795_000_000_000,
    )
