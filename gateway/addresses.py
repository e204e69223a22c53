"""Where a request comes from, when proxies that the operator named stand before us.

Promises: an address is believed from a configured proxy only, and only as far back as such proxies wrote it
(R29); nothing a client puts into X-Forwarded-For makes it somebody else, and nothing in it raises. Events
name an address by a keyed digest (I9). Serves V4.1, V4.2, V4.5.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from blake3 import blake3

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

UNKNOWN = "unknown"
"""A peer without an address, as on a Unix socket: all such share one limit."""
HOPS_MAX = 16
"""Proxies in a row that are believed; longer chains are somebody's play."""
SITE_BITS = 64
"""Of an IPv6 address: what one household or machine is given, so that it counts as one."""
CHARACTERS_MAX = 64
"""Of an address as text, with its zone and port."""
ADDRESSES_KEPT = 4_096
"""Parsed once, as the same ones come again and again; an IPv6 address takes 10 us."""
HASH_CHARACTERS = 16
HASH_PURPOSE = b"client address\0"
"""The pepper is also that of API keys; no address can be digested to a key's digest."""


def client_address(
    peer: Sequence[object] | None, forwarded_for: str | None, trusted: Sequence[Network]
) -> str:
    """`peer` is the ASGI scope's ``client``; `forwarded_for` all X-Forwarded-For lines joined by commas.

    The peer, unless it is trusted; then the first from the right of X-Forwarded-For that is not. What is no
    address ends the walk at the proxy that passed it on.
    """
    text = str(peer[0])[:CHARACTERS_MAX] if peer else UNKNOWN
    if not trusted and ":" not in text:
        return text
    address = _parsed(text)
    if address is None:
        return text
    if forwarded_for is not None:
        for hop in reversed(forwarded_for.rsplit(",", HOPS_MAX)[-HOPS_MAX:]):
            before = _parsed(_without_port(hop)) if _is_in(address, trusted) else None
            if before is None:
                break
            address = before
    return str(address)


@lru_cache(ADDRESSES_KEPT)
def limit_subject(address: str) -> str:
    """Whose requests are counted together: an IPv4 address, an IPv6 /64, else the text itself."""
    if ":" not in address:
        return address
    parsed = _parsed(address)
    if not isinstance(parsed, IPv6Address):
        return address if parsed is None else str(parsed)
    site = IPv6Address(int(parsed) >> SITE_BITS << SITE_BITS)
    return f"{site}/{SITE_BITS}"


def hashed(address: str, pepper: bytes) -> str:
    """How an event names an address: stable for one pepper of 32 bytes, and telling nothing without it."""
    return blake3(HASH_PURPOSE + address.encode(), key=pepper).hexdigest()[:HASH_CHARACTERS]


@lru_cache(ADDRESSES_KEPT)
def _parsed(text: str) -> Address | None:
    """IPv4 in IPv6 is IPv4; a zone is dropped, as it means nothing to anybody else."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        return address.ipv4_mapped or IPv6Address(int(address))
    return address


def _without_port(text: str) -> str:
    """Some proxies write ``192.0.2.1:4711`` and ``[2001:db8::1]:4711``."""
    text = text.strip(" \t")[:CHARACTERS_MAX]
    if text.startswith("["):
        return text[1:].partition("]")[0]
    host, _, port = text.partition(":")
    return host if port.isdecimal() and "." in host else text


def _is_in(address: Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks)
