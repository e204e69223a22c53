"""A key goes into the product wherever a client may put it, and comes out nowhere (I9, S5.5)."""

from __future__ import annotations

import json

from gateway.client import Client
from tests.e2e.product import Product


def everything_said(product: Product, client: Client) -> str:
    """All logs, all events, the metrics."""
    logs = [path.read_text(errors="replace") for path in (product.laptop.data_dir / "logs").iterdir()]
    events = [json.dumps(dict(event.event)) for event in client.events.replay()]
    with product.http() as http:
        return "\n".join([*logs, *events, http.get("/metrics").text])


def misplace(product: Product, key: str) -> str:
    """Requests of somebody who puts a key where it does not belong; what they are answered."""
    headers = {"X-API-Key": key, "Authorization": f"Bearer {key}", "X-Correlation-ID": key, "If-Match": key}
    with product.http() as http:
        answers = [
            http.get(f"/repos?token={key}", headers=headers),
            http.get(f"/repos/{key}", headers=headers),
            http.get(f"/nowhere/{key}", headers={"X-API-Key": f"{key}x"}),
            http.post("/repos", headers=headers, json={"name": "canary", "password": key}),
            http.post("/repos", headers=headers, content=f'{{"name": "{key}'),
        ]
    return "\n".join(f"{answer.text} {answer.headers}" for answer in answers)


def test_a_key_comes_out_nowhere(product: Product, client: Client) -> None:
    key = client.keys.issue("canary", ["write"]).key
    assert key is not None
    secret = key.rpartition("_")[2]
    answered = misplace(product, key)
    assert secret not in everything_said(product, client)
    assert secret not in answered
