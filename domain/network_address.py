"""Network addresses, as far as they tell who calls."""

from __future__ import annotations

from ipaddress import IPv6Address, IPv6Network, ip_address


def network_of(address: str) -> str:
    """The network that counts as one client: one IPv4 host, or the /64 network of an IPv6 host.

    An IPv6 host picks its own addresses from that network. An IPv4 address that a socket for IPv6
    shows, such as ``::ffff:192.0.2.1``, is the IPv4 host. Other names stand for themselves.
    """
    try:
        host = ip_address(address)
    except ValueError:
        return address
    if not isinstance(host, IPv6Address):
        return str(host)
    if host.ipv4_mapped is not None:
        return str(host.ipv4_mapped)
    return str(IPv6Network((int(host), 64), strict=False))
