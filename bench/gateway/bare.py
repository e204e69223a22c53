"""The baseline: uvicorn on uvloop and httptools around an application that says as many bytes, and no more.

``python -m bench.gateway.bare PORT BODY_BYTES``
"""

from __future__ import annotations

import sys

import uvicorn
from starlette.types import Receive, Scope, Send


def main(port: int, body_bytes: int) -> None:
    body = b"x" * body_bytes
    headers = [(b"content-type", b"application/json"), (b"content-length", str(body_bytes).encode())]

    async def bare(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": False})

    uvicorn.run(
        bare,
        port=port,
        loop="uvloop",
        http="httptools",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
    )


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
