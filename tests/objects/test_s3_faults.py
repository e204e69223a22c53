"""The S3 store on a bad line: a real server behind a proxy that fails as told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from random import Random

import pytest

from domain.errors import (
    ChunkNotFoundError,
    CorruptObjectError,
    DitsError,
    InsufficientStorageError,
    UnavailableError,
)
from domain.format.digest import digest_of
from domain.ports import ObjectName
from infra.objects.retrying import RetryingStore
from infra.objects.s3 import S3Account, S3Store
from infra.objects.verified import VerifiedStore
from tests.fakes import FakeClock, FakeIds
from tests.fault_proxy import Fault, FaultProxy
from tests.weed import weed

TRANSIENT = (Fault.SLOW_DOWN, Fault.CUT_BEFORE, Fault.CUT_AFTER)
_numbers = count()


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Account]:
    with weed(tmp_path_factory.mktemp("weed")) as account:
        yield account


@pytest.fixture(scope="module")
def running_proxy(account: S3Account) -> Iterator[FaultProxy]:
    with FaultProxy(int(account.endpoint.rpartition(":")[2]), seed=1).running() as proxy:
        yield proxy


@pytest.fixture
def proxy(running_proxy: FaultProxy) -> Iterator[FaultProxy]:
    yield running_proxy
    running_proxy.heal()


@pytest.fixture(scope="module")
def s3(account: S3Account, running_proxy: FaultProxy) -> Iterator[S3Store]:
    through = replace(account, endpoint=f"http://127.0.0.1:{running_proxy.port}")
    store = S3Store("hot", through, timeout_s=5, connections=4)
    yield store
    store.close()


def fresh(size_bytes: int = 100_000) -> tuple[ObjectName, bytes]:
    content = Random(next(_numbers)).randbytes(size_bytes)
    return ObjectName("chunks", digest_of(content)), content


@pytest.mark.parametrize("fault", TRANSIENT)
def test_a_put_that_met_a_passing_fault_says_unavailable(
    s3: S3Store, proxy: FaultProxy, fault: Fault
) -> None:
    proxy.fail_next(fault)
    with pytest.raises(UnavailableError, match="store hot"):
        s3.put([fresh()])
    assert proxy.happened == [fault]


@pytest.mark.parametrize("fault", TRANSIENT)
def test_a_put_that_is_tried_again_lands_once(s3: S3Store, proxy: FaultProxy, fault: Fault) -> None:
    proxy.fail_next(fault)
    name, content = fresh()
    (receipt,) = RetryingStore(s3, FakeClock(), FakeIds()).put([(name, content)])
    assert receipt.was_there == (fault is Fault.CUT_AFTER)
    assert s3.get(name) == content


@pytest.mark.parametrize("fault", [Fault.SLOW_DOWN, Fault.CUT_BEFORE, Fault.CUT_AFTER, Fault.TRUNCATED])
def test_a_get_that_met_a_passing_fault_says_unavailable(
    s3: S3Store, proxy: FaultProxy, fault: Fault
) -> None:
    name, content = fresh()
    s3.put([(name, content)])
    proxy.fail_next(fault, "GET", times=2)
    for operation in (lambda: s3.get(name), lambda: s3.read_back([name])):
        with pytest.raises(UnavailableError):
            operation()
    assert s3.get(name) == content


def test_a_full_store_says_so_and_still_serves(s3: S3Store, proxy: FaultProxy) -> None:
    name, content = fresh()
    s3.put([(name, content)])
    proxy.fail_next(Fault.FULL, times=2)
    for operation in (lambda: s3.put([fresh()]), lambda: s3.mend(name, content)):
        with pytest.raises(InsufficientStorageError, match="hot"):
            operation()
    assert s3.get(name) == content


def test_a_bit_that_flips_on_the_way_is_never_served(s3: S3Store, proxy: FaultProxy) -> None:
    name, content = fresh()
    s3.put([(name, content)])
    proxy.fail_next(Fault.CORRUPTED, "GET")
    with pytest.raises(CorruptObjectError):
        VerifiedStore(s3).get(name)


def test_a_bit_that_flips_while_writing_is_written_again(s3: S3Store, proxy: FaultProxy) -> None:
    name, content = fresh()
    proxy.fail_next(Fault.CORRUPTED_REQUEST)
    VerifiedStore(RetryingStore(s3, FakeClock(), FakeIds())).put([(name, content)])
    assert proxy.happened == [Fault.CORRUPTED_REQUEST]
    assert s3.get(name) == content


@pytest.mark.parametrize("flips", range(40))
def test_an_error_that_arrives_garbled_is_still_unavailable(
    s3: S3Store, proxy: FaultProxy, flips: int
) -> None:
    proxy.fail_next(Fault.CORRUPTED, "GET")
    with pytest.raises((UnavailableError, ChunkNotFoundError)):
        s3.get(fresh()[0])


def test_a_bit_that_flips_while_reading_back_is_written_again(s3: S3Store, proxy: FaultProxy) -> None:
    name, content = fresh()
    proxy.fail_next(Fault.CORRUPTED, "GET")
    VerifiedStore(s3).put([(name, content)])
    assert s3.get(name) == content


def test_when_one_put_of_a_batch_fails_the_others_have_ended(s3: S3Store, proxy: FaultProxy) -> None:
    batch = [fresh(1000) for _ in range(20)]
    proxy.fail_next(Fault.SLOW_DOWN)
    with pytest.raises(UnavailableError):
        s3.put(batch)
    stored = sum(receipt.was_there for receipt in s3.put(batch))
    assert 0 < stored < len(batch)


def test_a_size_or_a_listing_on_a_cut_line_says_unavailable(s3: S3Store, proxy: FaultProxy) -> None:
    proxy.fail_next(Fault.CUT_BEFORE, "HEAD")
    with pytest.raises(UnavailableError):
        s3.size(fresh()[0])
    proxy.fail_next(Fault.SLOW_DOWN, "GET")
    with pytest.raises(UnavailableError, match="SlowDown"):
        list(s3.list("chunks"))


def test_a_server_that_is_not_there_is_unavailable(account: S3Account) -> None:
    store = S3Store("hot", replace(account, endpoint="http://127.0.0.1:9"), timeout_s=1, connections=1)
    for operation in (lambda: store.put([fresh()]), lambda: store.get(fresh()[0]), store.check):
        with pytest.raises(UnavailableError):
            operation()


def test_a_bucket_that_is_not_there_is_named_and_not_made(account: S3Account) -> None:
    store = S3Store("hot", replace(account, bucket="nobody-made-me"), timeout_s=5, connections=1)
    for operation in (store.check, lambda: store.put([fresh()])):
        with pytest.raises(UnavailableError, match="NoSuchBucket"):
            operation()


def test_the_secret_key_is_in_no_message(account: S3Account) -> None:
    wrong = replace(account, access_key="nobody")
    with pytest.raises(UnavailableError) as caught:
        S3Store("hot", wrong, timeout_s=5, connections=1).check()
    assert account.secret_key not in f"{caught.value!r} {caught.value.__cause__!r} {account!r}"


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.long)])
def test_a_campaign_of_faults_loses_and_invents_nothing(
    s3: S3Store, proxy: FaultProxy, request: pytest.FixtureRequest, seed: int
) -> None:
    store = VerifiedStore(RetryingStore(s3, FakeClock(), FakeIds(seed)))
    proxy.fail_at_random(0.2, *Fault)
    objects = dict(fresh(20_000) for _ in range(300 if seed == 2 else 40))
    acknowledged = {name for name, content in objects.items() if _tried(store, name, content)}
    served = {name for name in objects if _served(store, name, objects[name])}
    assert len(proxy.happened) > 10
    proxy.heal()
    assert acknowledged
    assert served
    assert set(s3.read_back(list(acknowledged))) == {name.digest for name in acknowledged}


def _tried(store: VerifiedStore, name: ObjectName, content: bytes) -> bool:
    try:
        store.put([(name, content)])
    except DitsError:
        return False
    return True


def _served(store: VerifiedStore, name: ObjectName, content: bytes) -> bool:
    try:
        served = store.get(name)
    except (CorruptObjectError, UnavailableError, InsufficientStorageError, ChunkNotFoundError):
        return False
    assert served == content
    return True
