"""Many clients, one branch: every commit lands, none is lost, and the history is one line."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from gateway.client import Client
from tests.e2e.product import Product, draft, files_of

CLIENTS = 8
COMMITS_EACH = 3

Files = dict[str, bytes]


def commit_some(product: Product, repo: str, root: str, number: int) -> Files:
    """A client that never looks at the branch: each commit is made on the root."""
    files = {f"from-{number}/{nth}": f"{number} {nth}".encode() for nth in range(COMMITS_EACH)}
    with product.client() as own:
        for path, content in files.items():
            own.commits.open(repo, draft(own, repo, {path: content}, base=root))
    return files


@pytest.mark.long
def test_eight_clients_on_one_branch_lose_nothing(product: Product, client: Client, repo: str) -> None:
    root = client.commits.open(repo, draft(client, repo, {"root": b"root"}, base=None)).commit
    with ThreadPoolExecutor(CLIENTS) as pool:
        landed = list(pool.map(lambda number: commit_some(product, repo, root, number), range(CLIENTS)))
    committed: Files = {path: text for files in landed for path, text in files.items()}
    assert files_of(client, repo, "main") == {"root": b"root", **committed}
    newest_first = list(client.commits.list(repo, "main"))
    assert len(newest_first) == 1 + CLIENTS * COMMITS_EACH
    below = [*((commit.commit,) for commit in newest_first[1:]), ()]
    assert [commit.parents for commit in newest_first] == below
