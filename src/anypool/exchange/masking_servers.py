"""Physical servers and their profiles with all names masked; see `exchange.masking`."""

from collections.abc import Iterable

from msgspec.structs import replace

from anypool.exchange.masks import Masks
from anypool.model import (
    Adapter,
    AdapterKind,
    EndpointId,
    HostId,
    Port,
    Probe,
    Profile,
    ProfileId,
    Server,
    ServerId,
)
from anypool.model.profile import FcTarget, IscsiTarget, ProfilePort

_SOMEWHERE = "masked"


def masked_server(server: Server, masks: Masks) -> Server:
    """Return a server in masked names: what it is made of and can do stays, its serial does not.

    One that is a host bears the same masked id as that.
    """
    of = masks.of
    return replace(
        server,
        id=ServerId(HostId(of("host", server.id))),
        name=of("host-name", server.name),
        endpoint=EndpointId(of("endpoint", server.endpoint)),
        pool=of("pool", server.pool),
        chassis=of("chassis", server.chassis) if server.chassis else "",
        slot=_slot(server.slot, masks),
        serial="",
        adapters=tuple(_adapter(one, masks) for one in server.adapters),
        bears=_mark(server.bears, masks),
        entered=_mark(server.entered, masks),
        tags=frozenset(map(masks.tag, server.tags)),
    )


def masked_profile(profile: Profile, masks: Masks) -> Profile:
    """Return a profile in masked names: what it needs and boots from stays, where that is not."""
    of = masks.of
    image, colon, version = profile.image.partition(":")
    server, kind = profile.server, "host" if profile.vm is None else "vm"
    return replace(
        profile,
        id=ProfileId(of("profile", profile.id)),
        name=of("profile-name", profile.name),
        description="",
        pool=of("pool", profile.pool),
        ports=tuple(_profile_port(one, masks) for one in profile.ports),
        initiator=f"iqn.masked:{of('profile', profile.id)}" if profile.initiator else "",
        iscsi=tuple(
            IscsiTarget(iqn=of("iqn", one.iqn), address=_SOMEWHERE, lun=one.lun)
            for one in profile.iscsi
        ),
        fc=tuple(FcTarget(wwpn=of("wwn", one.wwpn), lun=one.lun) for one in profile.fc),
        bios=tuple((f"setting{n}", _SOMEWHERE) for n, _ in enumerate(profile.bios, 1)),
        ip=_SOMEWHERE if profile.ip else "",
        script=_SOMEWHERE if profile.script else "",
        probe=masked_probe(profile.probe),
        image=f"{of('image-name', image)}{colon}{version}" if image else "",
        tags=frozenset(map(masks.tag, profile.tags)),
        slot=_place(profile.slot, masks),
        server=None if server is None else ServerId(HostId(of(kind, server))),
    )


def masked_probe(probe: Probe) -> Probe:
    """Return a probe that does not say where it asks."""
    return replace(probe, address=_SOMEWHERE if probe.address else "", path="/")


def _adapter(adapter: Adapter, masks: Masks) -> Adapter:
    ports = tuple(_port(one, adapter.kind, masks) for one in adapter.ports)
    return replace(adapter, ports=ports)


def _port(port: Port, kind: AdapterKind, masks: Masks) -> Port:
    return replace(
        port,
        address=_address(kind, port.address, masks),
        permanent=_address(kind, port.permanent, masks),
        node=_address(kind, port.node, masks),
        switch=masks.of("switch", port.switch) if port.switch else "",
        switch_port="",
        networks=frozenset(_networks(port.networks, masks)),
    )


def _profile_port(port: ProfilePort, masks: Masks) -> ProfilePort:
    return replace(
        port,
        address=_address(port.kind, port.address, masks),
        node=_address(port.kind, port.node, masks),
        networks=_networks(port.networks, masks),
    )


def _address(kind: AdapterKind, text: str, masks: Masks) -> str:
    return masks.of("mac" if kind is AdapterKind.ETHERNET else "wwn", text) if text else ""


def _networks(names: Iterable[str], masks: Masks) -> tuple[str, ...]:
    """Return networks and fabrics by their names, which profiles and ports have in common."""
    return tuple(masks.of("network-name", name) for name in names)


def _mark(mark: str, masks: Masks) -> str:
    profile, at, epoch = mark.rpartition("@")
    return f"{masks.of('profile', profile)}{at}{epoch}" if at else ""


def _place(place: str, masks: Masks) -> str:
    chassis, slash, slot = place.rpartition("/")
    return f"{masks.of('chassis', chassis)}{slash}{_slot(slot, masks)}" if slash else ""


def _slot(slot: str, masks: Masks) -> str:
    """Return a slot: a number says nothing."""
    return masks.of("slot", slot) if slot and not slot.isdecimal() else slot
