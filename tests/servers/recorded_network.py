"""A network without a way out that records who tried to use it.

As a program it takes the file for its report and a command, and is started by ``unshare`` in
namespaces of its own; ``command_within`` says how. It runs the command with loopback as ever and a
default route into a device that only this program reads. So it sees every packet that would leave
the machine, whichever library sends it.
"""

from __future__ import annotations

import asyncio
import fcntl
import ipaddress
import json
import os
import struct
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

_TUNSETIFF = 0x400454CA
_IFF_TUN, _IFF_NO_PI = 0x0001, 0x1000
_DEVICE = "nowhere"
_RESOLVER = "192.0.2.53"
_PROTOCOLS = {6: "tcp", 17: "udp"}
_DNS_PORT = 53


def command_within(report: Path, command: Sequence[str | Path]) -> list[str]:
    """The command line that runs ``command`` on such a network and writes a report."""
    as_root = [] if os.geteuid() == 0 else ["--map-root-user"]
    return [
        "unshare", "--net", "--mount", *as_root,
        sys.executable, str(Path(__file__).resolve()), str(report), *map(str, command),
    ]  # fmt: skip


def attempts_of(report: Path) -> list[str]:
    """What the command tried to contact, such as ``tcp 203.0.113.1:443`` or ``dns example.com``."""
    told: list[str] = json.loads(report.read_text())
    return told


def attempt(packet: bytes) -> str | None:
    """What a packet tries to contact; None for packets of the kernel itself."""
    if packet[0] >> 4 == 4:
        start = 4 * (packet[0] & 15)
        protocol, target = packet[9], packet[16:20]
    else:
        start, protocol, target = 40, packet[6], packet[24:40]
    if protocol not in _PROTOCOLS or len(packet) < start + 4:
        return None
    (port,) = struct.unpack_from("!H", packet, start + 2)
    if protocol == 17 and port == _DNS_PORT:
        return f"dns {_asked(packet[start + 8 :])}"
    return f"{_PROTOCOLS[protocol]} {ipaddress.ip_address(target)}:{port}"


def _asked(query: bytes) -> str:
    """The name that a DNS query asks for (RFC 1035)."""
    labels, at = [], 12
    while at < len(query) and query[at]:
        labels.append(query[at + 1 : at + 1 + query[at]].decode("latin-1"))
        at += 1 + query[at]
    return ".".join(labels)


def _open_device() -> int:
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, _TUNSETIFF, struct.pack("16sH", _DEVICE.encode(), _IFF_TUN | _IFF_NO_PI))
    for arguments in (
        "link set lo up",
        f"link set {_DEVICE} up",
        f"addr add 192.0.2.2/24 dev {_DEVICE}",
        f"addr add 2001:db8::2/64 dev {_DEVICE} nodad",
        f"route add default dev {_DEVICE}",
        f"-6 route add default dev {_DEVICE}",
    ):
        subprocess.run(["ip", *arguments.split()], check=True)
    with tempfile.NamedTemporaryFile("w") as resolver:
        resolver.write(f"nameserver {_RESOLVER}\n")
        resolver.flush()
        subprocess.run(["mount", "--bind", resolver.name, "/etc/resolv.conf"], check=True)
    return device


async def _record(command: Sequence[str]) -> tuple[int, list[str]]:
    device = _open_device()
    seen: dict[str, None] = {}

    def read() -> None:
        found = attempt(os.read(device, 65536))
        if found:
            seen[found] = None

    asyncio.get_running_loop().add_reader(device, read)
    process = await asyncio.create_subprocess_exec(*command)
    return await process.wait(), list(seen)


if __name__ == "__main__":
    status, reached = asyncio.run(_record(sys.argv[2:]))
    Path(sys.argv[1]).write_text(json.dumps(reached))
    sys.exit(status)
