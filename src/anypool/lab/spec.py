"""What a lab is made of: its size, its servers and their addresses; pure values and arithmetic."""

import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec

from anypool.errors import Invalid

Accelerator = Literal["auto", "tcg", "kvm"]
Role = Literal["host", "spare", "blade"]

LIBVIRT_PORT = 16509
BMC_PORT = 443
MANAGEMENT_GATEWAY = "10.77.0.254"
DATA_GATEWAY = "10.78.255.254"
MOST_SERVERS = 40
LEAST_BLADE_MIB, MOST_BLADE_MIB = 128, 65536
_NAMESPACE = uuid.UUID("6d1c1c1e-3a0e-4d5b-9b0f-6a6f0f5a7710")


class Server(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One server of a lab, before it is known whether it runs; `number` counts from 1."""

    name: str
    number: int
    role: Role
    uuid: str

    @property
    def management_address(self) -> str:
        """IPv4 address of the management network card, eth0 (a /24); on a blade, meant for it."""
        return f"10.77.0.{self.number}"

    @property
    def data_address(self) -> str:
        """IPv4 address on the data network, carried by the bridge br-data (a /16)."""
        return f"10.78.0.{self.number}"

    @property
    def bmc_address(self) -> str:
        """IPv4 address of the server's baseboard management controller."""
        return f"10.77.0.{100 + self.number}"

    @property
    def bmc_url(self) -> str:
        """Root of the server's Redfish service."""
        return f"https://{self.bmc_address}/redfish/v1/"

    @property
    def management_mac(self) -> str:
        """Hardware address of eth0."""
        return f"02:00:77:00:00:{self.number:02x}"

    @property
    def data_mac(self) -> str:
        """Hardware address of eth1."""
        return f"02:00:78:00:00:{self.number:02x}"

    def libvirt_uri(self, *, rootless: bool) -> str:
        """URI of the server's libvirt, reachable inside the lab's network only; "" on a blade."""
        if self.role == "blade":
            return ""
        kind = "session" if rootless else "system"
        return f"qemu+tcp://{self.management_address}:{LIBVIRT_PORT}/{kind}"


class LabSpec(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The lab one wishes for.

    `state_dir` holds one folder per lab, `cache_dir` what labs share (the guest image);
    None means the user's XDG folders. `wardens` puts one on each server, with a stand-in for a
    watchdog. `spares` stay powered off until their BMC says On, and so do `blades`, each of them
    a machine of emulated hardware with `blade_memory_mib` of memory. With `firmware` hosts and
    spares are such a machine, too, when they are to boot from the network.
    """

    name: str = "default"
    hosts: int = 3
    spares: int = 1
    blades: int = 0
    blade_memory_mib: int = 1024
    state_dir: Path | None = None
    cache_dir: Path | None = None
    accelerator: Accelerator = "auto"
    wardens: bool = False
    firmware: bool = False

    def check(self) -> None:
        """Raise `Invalid` when no lab can be made from these values."""
        check_name(self.name)
        numbers = (self.hosts, self.spares, self.blades)
        if min(numbers) < 0 or not 0 < sum(numbers) <= MOST_SERVERS or self.spares == sum(numbers):
            raise Invalid(
                f"a lab of {self.hosts} hosts, {self.spares} spares and {self.blades} blades "
                "cannot be made",
                hint=f"ask for 1 to {MOST_SERVERS} servers in all, one a host or a blade",
            )
        if not LEAST_BLADE_MIB <= self.blade_memory_mib <= MOST_BLADE_MIB:
            raise Invalid(
                f"a blade cannot have {self.blade_memory_mib} MiB of memory",
                hint=f"give it {LEAST_BLADE_MIB} to {MOST_BLADE_MIB}",
            )

    def servers(self) -> tuple[Server, ...]:
        """The lab's servers: hosts h1, h2, ..., spares s1, s2, ... and blades b1, b2, ..."""
        return tuple(self._servers())

    def _servers(self) -> Iterator[Server]:
        names: list[tuple[str, Role]] = [(f"h{n}", "host") for n in range(1, self.hosts + 1)]
        names += [(f"s{n}", "spare") for n in range(1, self.spares + 1)]
        names += [(f"b{n}", "blade") for n in range(1, self.blades + 1)]
        for number, (name, role) in enumerate(names, start=1):
            identity = str(uuid.uuid5(_NAMESPACE, f"{self.name}/{name}"))
            yield Server(name=name, number=number, role=role, uuid=identity)


def check_name(name: str) -> None:
    """Raise `Invalid` unless `name` can be a lab's name (and so a folder's)."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,30}", name):
        raise Invalid(
            f"{name!r} is not a lab name",
            hint="use up to 31 lower-case letters, digits and dashes, a letter or digit first",
        )
