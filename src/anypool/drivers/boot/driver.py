"""The driver of a boot host: it lets servers boot as profiles, and nobody else.

Its endpoint's address is `boot+ssh://root@HOST`, or the socket of the program on this machine.
A server that is entered boots as its profile, from its own MAC; the target of the profile is
open to it alone. An identity of a later epoch puts the one before out.
"""

import re
from typing import Any

import msgspec

from anypool.drivers import mandate
from anypool.drivers.base import BaseDriver
from anypool.drivers.boot.channel import Channel
from anypool.drivers.protocol import Driver
from anypool.errors import Invalid, Rejected, Unreachable
from anypool.model import (
    Capability,
    Endpoint,
    EndpointId,
    EndpointInfo,
    Frame,
    ProfileId,
    ServerId,
    VmId,
)
from anypool.model.boothost import (
    BootEntry,
    BootHost,
    BootTarget,
    DiskCopy,
    ImageDeed,
    ImageOrder,
    ServerImage,
)
from anypool.model.profile import Identity

LOOK_S = 25.0
DEED_S = 50.0
COPY_S = 1700.0
_WORDS = {
    ImageDeed.ADD: "add-image",
    ImageDeed.CHOOSE: "choose-image",
    ImageDeed.FORGET: "forget-image",
    ImageDeed.CAPTURE: "capture",
}


class BootDriver(BaseDriver):
    """One boot host."""

    name = "boot"
    capabilities = frozenset({Capability.IDENTITY, Capability.SERVER_IMAGES})

    def __init__(self, channel: Channel, endpoint: EndpointId) -> None:
        self._channel = channel
        self._endpoint = endpoint

    def info(self) -> EndpointInfo:
        """Return that a boot host answers."""
        self._channel.ask("state", LOOK_S)
        return EndpointInfo(product="anypool boot host", version="1")

    def observe(self) -> Frame:
        """Return the boot host whole; it has no hosts and no VMs."""
        said = self._channel.ask("state", LOOK_S)
        try:
            found = boot_host(self._endpoint, said)
        except (msgspec.MsgspecError, KeyError, TypeError, AttributeError) as error:
            hint = "is its program of another release? `anypool boot-service install` renews it"
            raise Unreachable(f"{self._channel.name} is not understood", hint=hint) from error
        return Frame(full=True, boot_hosts=(found,))

    def observe_vms(self, vms: tuple[VmId, ...]) -> Frame:
        """Return that none of these VMs is here."""
        return Frame(full=False, missing=vms)

    def apply_identity(self, server: ServerId, identity: Identity) -> None:
        """Let a server boot as a profile, and see that all of it is made."""
        entry = entry_of(server, identity)
        mandate.check(f"{identity.name} at {self._channel.name}")
        self._channel.ask("enter", DEED_S, deed=True, entry=entry)

    def withdraw_identity(self, server: ServerId, profile: ProfileId) -> None:
        """Let a server boot as a profile no more, and put it out of the profile's target."""
        mandate.check(f"{profile} at {self._channel.name}")
        self._channel.ask("leave", DEED_S, deed=True, profile=profile, server=server)

    def change_image(self, order: ImageOrder) -> int:
        """Add, choose, forget or capture an image; return the number of its version."""
        more: dict[str, Any] = {"name": order.name, "version": order.version}
        if order.deed is ImageDeed.ADD:
            more |= {"parts": dict(order.parts), "cmdline": order.cmdline}
        elif order.deed is ImageDeed.CAPTURE:
            more["profile"] = order.profile
        mandate.check(f"image {order.name} at {self._channel.name}")
        made = self._channel.ask(_WORDS[order.deed], COPY_S, deed=True, **more)
        return made if isinstance(made, int) else order.version


def entry_of(server: ServerId, identity: Identity) -> dict[str, Any]:
    """Return what a boot host is told of a server; raise `Rejected` where something lacks."""
    name = re.sub(r"[^a-z0-9-]+", "-", identity.name.lower()).strip("-")[:63]
    lacks = {"an address (--ip)": identity.ip, "a MAC of its server": identity.macs}
    if missing := [what for what, there in lacks.items() if not there]:
        why = f"{identity.name} cannot boot from a boot host: it has not {' and '.join(missing)}"
        raise Rejected(why, hint="`anypool profile edit` while no server bears it")
    return {
        "profile": identity.profile,
        "epoch": identity.epoch,
        "server": server,
        "name": name,
        "macs": list(identity.macs),
        "ip": identity.ip,
        "initiator": identity.initiator,
        "targets": [
            {"iqn": one.iqn, "address": one.address, "port": one.port, "lun": one.lun}
            for one in identity.iscsi
        ],
        "image": identity.image,
        "script": identity.script,
        "keys": list(identity.keys),
    }


def boot_host(endpoint: EndpointId, said: dict[str, Any]) -> BootHost:
    """Return a boot host as its program tells it; raise what is wrong with that."""
    return BootHost(
        id=endpoint,
        entries=msgspec.convert(said["entries"], tuple[BootEntry, ...]),
        targets=msgspec.convert(said["targets"], tuple[BootTarget, ...]),
        images=msgspec.convert(said["images"], tuple[ServerImage, ...]),
        copies=tuple(_copy(path, one) for path, one in sorted(said["copies"].items())),
        problems=msgspec.convert(said["problems"], tuple[str, ...]),
        dhcp=bool(said["dhcp"]),
        targets_answer=bool(said["tgtd"]),
    )


def _copy(path: str, said: dict[str, Any]) -> DiskCopy:
    folder, _, name = path.removesuffix(".raw").rpartition("/")
    image, _, version = name.rpartition("-")
    return msgspec.convert(
        {**said, "profile": folder.rpartition("/")[2], "image": f"{image}:{version}"}, DiskCopy
    )


def connect(endpoint: Endpoint, secret: str) -> Driver:
    """Return the driver of a boot host; raise `Invalid` for a bad address. Nothing is sent yet."""
    if secret:
        hint = "its key is the manager's own: see `ssh-copy-id`"
        raise Invalid("a boot host is not asked with a password", hint=hint)
    return BootDriver(Channel(endpoint.uri), endpoint.id)
