"""A server of the pool, made from what a BMC tells: its ports, and what can be done to it."""

from collections.abc import Iterator

from anypool.model import (
    Adapter,
    AdapterKind,
    Card,
    Chassis,
    EndpointId,
    Hardware,
    HostId,
    Link,
    Port,
    PortFunction,
    Processor,
    Server,
    ServerAbility,
    ServerId,
)

_ARCHITECTURES = {"x86": "i686", "x86-64": "x86_64", "ARM-A32": "armv7l", "ARM-A64": "aarch64"}
_LINKS = {True: Link.UP, False: Link.DOWN, None: Link.UNKNOWN}


def server_of(hardware: Hardware, endpoint: EndpointId, proved: frozenset[str]) -> Server:
    """Return a server; `proved` names what was proved to be writable: `mac`, `wwn`, `iscsi`."""
    place, slot = _place(hardware.chassis)
    threads = sum(one.threads or 0 for one in hardware.processors)
    label = (hardware.uuid, hardware.serial, f"{endpoint}")
    return Server(
        id=ServerId(HostId(next(one for one in label if one))),
        name=_name(hardware, endpoint),
        endpoint=endpoint,
        power=hardware.power,
        health=hardware.health,
        chassis=place,
        slot=slot,
        vendor=hardware.maker,
        model=hardware.model,
        serial=hardware.serial,
        arch=_architecture(hardware.processors),
        cpus=hardware.threads or threads,
        sockets=len(hardware.processors),
        cpu_model=next((one.model for one in hardware.processors if one.model), ""),
        memory_mib=hardware.memory_mib or sum(one.size_mib or 0 for one in hardware.memory),
        adapters=tuple(_adapters(hardware.cards)),
        abilities=_abilities(hardware, proved),
        firmware=hardware.bios,
    )


def functions_of(cards: tuple[Card, ...], kind: AdapterKind) -> tuple[PortFunction, ...]:
    """Return the functions that are the ports of one kind, in the order of the server's ports."""
    return tuple(
        one for each, _, functions in _numbered(cards) if each is kind for one in functions.values()
    )


def _numbered(
    cards: tuple[Card, ...],
) -> Iterator[tuple[AdapterKind, Card, dict[str, PortFunction]]]:
    """Yield adapters of one kind each, with the functions by the ids of their ports."""
    number = 0
    for card in cards:
        for kind in AdapterKind:
            mine = [one for one in card.functions if kind in _kinds(one)]
            if mine:
                number += 1
                yield kind, card, {f"{number}/{at}": one for at, one in enumerate(mine, 1)}


def _adapters(cards: tuple[Card, ...]) -> Iterator[Adapter]:
    for number, (kind, card, functions) in enumerate(_numbered(cards), 1):
        ports = tuple(_port(key, kind, one) for key, one in functions.items())
        yield Adapter(id=str(number), kind=kind, model=card.model or card.name, ports=ports)


def _kinds(function: PortFunction) -> frozenset[AdapterKind]:
    """Return what a function speaks: a converged one both, that of an iSCSI initiator nothing.

    The latter shares the port of its NIC.
    """
    fibre = function.wwpn or function.kind in ("FibreChannel", "FibreChannelOverEthernet")
    found = {AdapterKind.FC: bool(fibre), AdapterKind.ETHERNET: function.kind == "Ethernet"}
    if not function.kind:
        found[AdapterKind.ETHERNET] = bool(function.mac) or not fibre
    return frozenset(kind for kind, there in found.items() if there)


def _port(key: str, kind: AdapterKind, function: PortFunction) -> Port:
    fibre = kind is AdapterKind.FC
    return Port(
        id=key,
        address=function.wwpn if fibre else function.mac,
        permanent=function.burnt_wwpn if fibre else function.burnt_in,
        node=function.wwnn,
        link=_LINKS[function.link_up],
    )


def _abilities(hardware: Hardware, proved: frozenset[str]) -> frozenset[ServerAbility]:
    kinds = {kind for card in hardware.cards for one in card.functions for kind in _kinds(one)}
    needed = ({"wwn"} if AdapterKind.FC in kinds else set()) | {"mac"}
    addresses = needed <= proved and _gives_back(hardware.cards)
    targets = hardware.boot.targets
    found = {
        ServerAbility.POWER: True,
        ServerAbility.BOOT_ONCE: bool(targets),
        ServerAbility.NETBOOT: "Pxe" in targets,
        ServerAbility.BIOS: "bios-settings" in hardware.abilities,
        ServerAbility.ADDRESSES: addresses,
        ServerAbility.IDENTITY: addresses,
        ServerAbility.ISCSI_BOOT: "iscsi" in proved,
    }
    return frozenset(ability for ability, there in found.items() if there)


def _gives_back(cards: tuple[Card, ...]) -> bool:
    """Return whether every port says what it was built with, so that it can have that back."""
    nics = functions_of(cards, AdapterKind.ETHERNET)
    hbas = functions_of(cards, AdapterKind.FC)
    return all(one.burnt_in for one in nics) and all(one.burnt_wwpn for one in hbas)


def _place(chassis: tuple[Chassis, ...]) -> tuple[str, str]:
    """Return in which enclosure a server stands and in which slot; it is no slot of its own box."""
    own = chassis[0] if chassis else None
    around = {one.path: one for one in chassis}
    box = around.get(own.inside) if own is not None else None
    return (box.name, own.slot) if own is not None and box is not None else ("", "")


def _architecture(processors: tuple[Processor, ...]) -> str:
    said = {_ARCHITECTURES.get(one.architecture, "") for one in processors}
    return said.pop() if len(said) == 1 else ""


def _name(hardware: Hardware, endpoint: EndpointId) -> str:
    plain = hardware.name if hardware.name not in ("System", "Computer System") else ""
    return plain or hardware.asset_tag or hardware.serial or str(endpoint)
