"""Where a request comes from (R29): a client's word about it counts for nothing."""

from __future__ import annotations

from ipaddress import IPv6Address, IPv6Network, ip_address, ip_network

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gateway.addresses import HOPS_MAX, Network, client_address, hashed, limit_subject

PROXIES: tuple[Network, ...] = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))
PEPPER = bytes(range(32))
addresses = st.ip_addresses().map(str)
strangers = st.ip_addresses(network="203.0.113.0/24").map(str) | st.ip_addresses(network="2001:db8::/32").map(
    str
)
proxies = st.ip_addresses(network="10.0.0.0/8").map(str) | st.ip_addresses(network="fd00::/8").map(str)
anything = st.text(st.characters(min_codepoint=0, max_codepoint=255))


def seen(peer: str, forwarded_for: str | None = None) -> str:
    return client_address((peer, 4711), forwarded_for, PROXIES)


@given(strangers, anything)
def test_what_a_stranger_says_about_itself_counts_for_nothing(peer: str, said: str) -> None:
    assert seen(peer, said) == peer


@given(strangers | proxies, anything)
def test_without_a_configured_proxy_the_peer_is_the_client(peer: str, said: str) -> None:
    assert client_address((peer, 4711), said, ()) == peer


@given(proxies, strangers, st.lists(proxies, max_size=5), anything)
def test_behind_proxies_it_is_the_last_address_that_is_none_of_them(
    peer: str, client: str, between: list[str], said: str
) -> None:
    assert seen(peer, ",".join([said, client, *between])) == client
    assert seen(peer, " , ".join([said, client, *between])) == client


@given(proxies, anything)
def test_nothing_in_the_header_raises_and_an_address_comes_out(peer: str, said: str) -> None:
    assert ip_address(seen(peer, said))


@given(proxies, st.lists(proxies, min_size=1, max_size=5))
def test_if_all_are_proxies_it_is_the_first(peer: str, chain: list[str]) -> None:
    assert seen(peer, ", ".join(chain)) == chain[0]


@pytest.mark.parametrize(
    "garbage", ["", "unknown", "_hidden", "1.2.3", "1.2.3.4.5", "::1::", "'; --", "x" * 99]
)
def test_what_is_no_address_ends_the_walk_at_the_proxy_that_passed_it_on(garbage: str) -> None:
    assert seen("10.0.0.1", f"203.0.113.9, {garbage}, 10.0.0.2") == "10.0.0.2"
    assert seen("10.0.0.1", f"203.0.113.9, {garbage}") == "10.0.0.1"


def test_a_chain_without_an_end_is_not_walked_to_its_end() -> None:
    chain = ["203.0.113.9", *["10.0.0.2"] * HOPS_MAX]
    assert seen("10.0.0.1", ",".join(chain[1:])) == "10.0.0.2"
    assert seen("10.0.0.1", ",".join(chain)) == "10.0.0.2"


@pytest.mark.parametrize(
    ("hop", "client"),
    [
        ("203.0.113.9:4711", "203.0.113.9"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("fe80::1%eth0", "fe80::1"),
    ],
)
def test_an_address_is_read_however_a_proxy_writes_it(hop: str, client: str) -> None:
    assert seen("10.0.0.1", hop) == client


def test_ipv4_in_ipv6_is_ipv4_for_the_proxies_too() -> None:
    assert seen("::ffff:10.0.0.1", "203.0.113.9") == "203.0.113.9"
    assert client_address(("::ffff:203.0.113.9", 1), None, ()) == "203.0.113.9"


def test_a_peer_without_an_address_is_one_and_the_same_for_all() -> None:
    assert client_address(None, "203.0.113.9", PROXIES) == "unknown" == limit_subject("unknown")
    assert client_address(("testclient", 1), "203.0.113.9", PROXIES) == "testclient"


@given(st.ip_addresses(v=4).map(str))
def test_an_ipv4_address_is_counted_by_itself(address: str) -> None:
    assert limit_subject(address) == address


@given(st.ip_addresses(v=6), st.integers(0, 2**64 - 1))
def test_an_ipv6_site_is_counted_as_one(address: object, host: int) -> None:
    assert isinstance(address, IPv6Address)
    assume(address.ipv4_mapped is None)
    neighbour = IPv6Address(int(address) >> 64 << 64 | host)
    assume(neighbour.ipv4_mapped is None)
    subject = limit_subject(str(address))
    assert subject == limit_subject(str(neighbour))
    assert address in IPv6Network(subject)


@given(addresses, addresses)
def test_a_hash_is_stable_keyed_and_tells_addresses_apart(one: str, other: str) -> None:
    assert len(hashed(one, PEPPER)) == 16
    assert (hashed(one, PEPPER) == hashed(other, PEPPER)) is (one == other)
    assert hashed(one, PEPPER) != hashed(one, PEPPER[::-1])
    assert one not in hashed(one, PEPPER)
