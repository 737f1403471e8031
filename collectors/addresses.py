"""Which addresses of the network are public: what a URL from outside may lead us to.

`ipaddress.is_private` is not the question: on Python 3.11 it lets 100.64.0.0/10 through, and forms of IPv6 that carry
an IPv4 address inside (RFC 4291 mapped, RFC 3056 6to4, RFC 4380 Teredo, RFC 6052 NAT64).
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

_NAT64 = IPv6Network("64:ff9b::/96")
_PROTOCOLS = IPv4Network("192.0.0.0/24")
_NEVER = (_PROTOCOLS, IPv6Network("fec0::/10"), IPv6Network("64:ff9b:1::/48"))


def is_public(text: str) -> bool:
    """Whether the address belongs to the public network; one that carries IPv4 addresses inside is judged by them."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return False
    if any(address in network for network in _NEVER if network.version == address.version):
        return False
    return all(_is_global(each) for each in _carried(address) or (address,))


def _is_global(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv4Address) and address in _PROTOCOLS:
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def _carried(address: IPv4Address | IPv6Address) -> tuple[IPv4Address, ...]:
    """The IPv4 addresses inside an IPv6 address of the transition forms."""
    if isinstance(address, IPv4Address):
        return ()
    if address.ipv4_mapped is not None:
        return (address.ipv4_mapped,)
    if address.sixtofour is not None:
        return (address.sixtofour,)
    if address.teredo is not None:
        return address.teredo
    if address in _NAT64:
        return (IPv4Address(int(address) & 0xFFFFFFFF),)
    return ()
