"""Objects in a bucket of any S3 service, through the minio SDK with our own pacing.

Promises: a put is put-if-absent under the final, content-addressed name (S3 shows an object whole or not at
all), so nothing is ever overwritten by it; the SDK tries nothing twice, which the `retrying` decorator does;
every failure arrives as an error of the domain. S3 has no way to pass its caches: `read_back` is what the
service answers. The bucket must be there; choices in `docs/decisions/0021-s3-through-minio.md`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import closing, contextmanager
from contextvars import copy_context
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any, TypeVar
from urllib.parse import urlsplit
from xml.etree.ElementTree import ParseError

from blake3 import blake3
from minio import Minio
from minio.error import MinioException, S3Error
from urllib3 import BaseHTTPResponse, PoolManager, Retry, Timeout
from urllib3.exceptions import HTTPError

from domain.errors import ChunkNotFoundError, InsufficientStorageError, UnavailableError
from domain.format.digest import digest_of
from domain.ids import Digest
from domain.ports import PUT_BYTES_MAX, ObjectName, StoredObject

CONNECT_TIMEOUT_S = 5.0
READ_BYTES = 1 << 20
INSUFFICIENT_STORAGE = 507
NAME_TAKEN = frozenset({409, 412})
"""412: an object has the name. 409: another conditional write of the name is under way (AWS)."""
FULL_CODES = frozenset({"QuotaExceeded", "XMinioStorageFull", "XMinioAdminBucketQuotaExceeded"})
PROBE = b"can this be written?"

Object = tuple[ObjectName, bytes | memoryview]
Context = Callable[[], Mapping[str, str]]
T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class S3Account:
    """Where the bucket is and who asks."""

    endpoint: str
    """``https://host[:port]``"""
    bucket: str
    region: str
    access_key: str
    secret_key: str = field(repr=False)


class S3Store:
    """One bucket. Safe for threads: `connections` requests at once, by as many threads of its own."""

    def __init__(
        self,
        location: str,
        account: S3Account,
        *,
        timeout_s: float,
        connections: int,
        context: Context = dict,
    ) -> None:
        """`context` names the headers of what is under way; every request carries them (V10.1d)."""
        self._location = location
        self._bucket = account.bucket
        self._threads = ThreadPoolExecutor(connections, thread_name_prefix=f"s3-{location}")
        once = {"If-None-Match": "*"}
        pools = [_Pool(location, headers, timeout_s, connections, context) for headers in ({}, once)]
        self._client, self._put_if_absent = [_client(account, pool) for pool in pools]

    @property
    def location(self) -> str:
        return self._location

    def close(self) -> None:
        self._threads.shutdown()

    def put(self, objects: Sequence[Object]) -> tuple[StoredObject, ...]:
        assert sum(len(content) for _, content in objects) <= PUT_BYTES_MAX
        return self._together(self._put_one, objects)

    def read_back(self, names: Sequence[ObjectName]) -> tuple[Digest | None, ...]:
        return self._together(self._digest, names)

    def mend(self, name: ObjectName, content: bytes | memoryview) -> None:
        assert digest_of(content) == name.digest, name
        with self._as_domain_errors():
            self._client.put_object(self._bucket, name.key, BytesIO(content), len(content))

    def get(self, name: ObjectName) -> bytes:
        return b"".join(self._blocks(name))

    def size(self, name: ObjectName) -> int | None:
        try:
            with self._as_domain_errors(name):
                return self._client.stat_object(self._bucket, name.key).size
        except ChunkNotFoundError:
            return None

    def list(self, kind: str) -> Iterator[ObjectName]:
        with self._as_domain_errors():
            for found in self._client.list_objects(self._bucket, prefix=f"{kind}/", recursive=True):
                name = _parsed(found.object_name or "")
                if name is not None:
                    yield name

    def check(self) -> None:
        """Writes one small object, always the same: only a write shows that writing is allowed."""
        self.mend(ObjectName("probes", digest_of(PROBE)), PROBE)

    def _put_one(self, given: Object) -> StoredObject:
        name, content = given
        with self._as_domain_errors():
            try:
                self._put_if_absent.put_object(self._bucket, name.key, BytesIO(content), len(content))
            except S3Error as error:
                if error.response.status not in NAME_TAKEN:
                    raise
                return self._what_is_there(name)
        return StoredObject(name, len(content), was_there=False)

    def _what_is_there(self, name: ObjectName) -> StoredObject:
        size_bytes = self.size(name)
        if size_bytes is None:
            raise UnavailableError(dependency=f"store {self._location} (another write is under way)")
        return StoredObject(name, size_bytes, was_there=True)

    def _digest(self, name: ObjectName) -> Digest | None:
        hasher = blake3()
        try:
            for block in self._blocks(name):
                hasher.update(block)
        except ChunkNotFoundError:
            return None
        return Digest(hasher.digest())

    def _blocks(self, name: ObjectName) -> Iterator[bytes]:
        with (
            self._as_domain_errors(name),
            closing(self._client.get_object(self._bucket, name.key)) as response,
        ):
            yield from response.stream(READ_BYTES)

    def _together(self, operation: Callable[[T], R], items: Sequence[T]) -> tuple[R, ...]:
        """All at once; when one fails, those that have not begun are dropped and the others waited for."""
        started = [self._threads.submit(copy_context().run, operation, item) for item in items]
        _, open_ones = wait(started, return_when=FIRST_EXCEPTION)
        for future in open_ones:
            future.cancel()
        wait(started)
        failures = [error for future in started if not future.cancelled() and (error := future.exception())]
        for error in failures:
            raise error
        return tuple(future.result() for future in started)

    @contextmanager
    def _as_domain_errors(self, name: ObjectName | None = None) -> Generator[None]:
        try:
            yield
        except S3Error as error:
            if name is not None and error.code == "NoSuchKey":
                raise ChunkNotFoundError(name=name.digest.hex()) from error
            if error.code in FULL_CODES:
                raise InsufficientStorageError(store=self._location) from error
            raise self._unavailable(error.code) from error
        except (MinioException, HTTPError, ParseError, ValueError) as error:
            # The SDK lets its parser's errors through when an answer arrives garbled (tests/fault_proxy.py).
            raise self._unavailable(type(error).__name__) from error

    def _unavailable(self, reason: str | None) -> UnavailableError:
        return UnavailableError(dependency=f"store {self._location} ({reason})")


class _Pool(PoolManager):
    """Connections that add headers to every request, more to every PUT, and know a full store.

    The SDK has no argument for `If-None-Match` and hides the status of an answer that is not XML. A pool of
    one's own is its supported way in; the headers need no signature (SigV4 signs host and x-amz-*).
    """

    def __init__(
        self,
        location: str,
        put_headers: dict[str, str],
        timeout_s: float,
        connections: int,
        context: Context,
    ) -> None:
        timeout = Timeout(connect=min(CONNECT_TIMEOUT_S, timeout_s), read=timeout_s)
        super().__init__(maxsize=connections, block=False, retries=Retry(total=0), timeout=timeout)
        self._location = location
        self._put_headers = put_headers
        self._context = context

    def urlopen(self, method: str, url: str, redirect: bool = True, **kw: Any) -> BaseHTTPResponse:  # type: ignore[override]
        kw["headers"].update(self._context())
        if method == "PUT":
            kw["headers"].update(self._put_headers)
        response = super().urlopen(method, url, redirect, **kw)
        if response.status == INSUFFICIENT_STORAGE:
            response.drain_conn()
            raise InsufficientStorageError(store=self._location)
        return response


def _client(account: S3Account, pool: PoolManager) -> Minio:
    url = urlsplit(account.endpoint)
    return Minio(
        url.netloc,
        account.access_key,
        account.secret_key,
        secure=url.scheme == "https",
        region=account.region,
        http_client=pool,
    )


def _parsed(key: str) -> ObjectName | None:
    """None for what somebody else put into the bucket."""
    try:
        name = ObjectName.parse(key)
    except ValueError:
        return None
    return name if name.key == key else None
