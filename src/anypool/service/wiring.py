"""What the people of LAN and SAN set up for profiles: switch ports and zones, as rows."""

from collections.abc import Iterator

from msgspec import Struct

from anypool.model import AdapterKind, Inventory, Port, Profile, Server
from anypool.model.profile import ProfilePort


class LanRow(Struct, frozen=True, kw_only=True):
    """One Ethernet port of a profile at one place where it is or may come to be.

    `role` is `active` where the server bears the profile, `planned` in the slot that it is
    assigned to, `spare` on a server that may take it over; "" where no place is known yet.
    """

    profile: str
    port: str
    mac: str
    networks: tuple[str, ...]
    role: str = ""
    server: str = ""
    place: str = ""
    switch: str = ""
    switch_port: str = ""


class SanRow(Struct, frozen=True, kw_only=True):
    """One member pair of a zone: what the initiator is called, and one target it boots from.

    `protocol` is `fc` or `iscsi`; `target` is a WWPN or an IQN, "" where the profile names none.
    """

    profile: str
    port: str
    protocol: str
    initiator: str
    node: str = ""
    fabric: tuple[str, ...] = ()
    target: str = ""
    address: str = ""
    lun: int = 0


def lan(profiles: tuple[Profile, ...], inventory: Inventory) -> Iterator[LanRow]:
    """Yield every switch port that a profile's MACs may appear at, profile by profile."""
    for profile in profiles:
        places = tuple(_places(profile, inventory))
        for number, port in enumerate(profile.ports_of(AdapterKind.ETHERNET)):
            there = [
                _lan_row(profile, port, role, server, number)
                for role, server in places
                if number < len(server.ports_of(AdapterKind.ETHERNET))
            ]
            yield from there or [_bare(profile, port)]


def san(profiles: tuple[Profile, ...]) -> Iterator[SanRow]:
    """Yield the zones of FC and the access lists of iSCSI, profile by profile."""
    for profile in profiles:
        for port in profile.ports_of(AdapterKind.FC):
            row = SanRow(
                profile=profile.name,
                port=port.id,
                protocol="fc",
                initiator=port.address,
                node=port.node,
                fabric=port.networks,
            )
            yield from (_zone(row, one.wwpn, "", one.lun) for one in profile.fc)
            if not profile.fc:
                yield row
        if profile.initiator:
            row = SanRow(
                profile=profile.name, port="", protocol="iscsi", initiator=profile.initiator
            )
            for one in profile.iscsi:
                yield _zone(row, one.iqn, f"{one.address}:{one.port}", one.lun)


def _zone(row: SanRow, target: str, address: str, lun: int) -> SanRow:
    return SanRow(
        profile=row.profile,
        port=row.port,
        protocol=row.protocol,
        initiator=row.initiator,
        node=row.node,
        fabric=row.fabric,
        target=target,
        address=address,
        lun=lun,
    )


def _places(profile: Profile, inventory: Inventory) -> Iterator[tuple[str, Server]]:
    """Yield the servers where a profile is or may come to be, with the role of each."""
    for server in sorted(inventory.servers.values(), key=lambda one: (one.name, one.id)):
        if server.id == profile.server:
            yield "active", server
        elif profile.slot and server.place == profile.slot:
            yield "planned", server
        elif server.spare and server.pool == profile.pool:
            yield "spare", server


def _lan_row(profile: Profile, port: ProfilePort, role: str, server: Server, number: int) -> LanRow:
    plugged: Port = server.ports_of(AdapterKind.ETHERNET)[number]
    return LanRow(
        profile=profile.name,
        port=port.id,
        mac=port.address,
        networks=port.networks,
        role=role,
        server=server.name,
        place=server.place,
        switch=plugged.switch,
        switch_port=plugged.switch_port,
    )


def _bare(profile: Profile, port: ProfilePort) -> LanRow:
    return LanRow(
        profile=profile.name,
        port=port.id,
        mac=port.address,
        networks=port.networks,
        place=profile.slot,
        role="planned" if profile.slot else "",
    )
