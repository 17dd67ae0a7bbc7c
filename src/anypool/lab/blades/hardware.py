"""What a blade is made of and what its firmware is set to: values, and the changes they take.

Every change is checked here, whichever controller it came through, and answers new values.
"""

import re
from typing import Literal

import msgspec
from msgspec.structs import replace

from anypool.errors import Conflict, Invalid
from anypool.lab.spec import Server

Target = Literal["None", "Pxe", "Hdd", "Cd", "UefiHttp"]
Enabled = Literal["Disabled", "Once", "Continuous"]
Attribute = str | int | bool
TARGETS: tuple[Target, ...] = ("None", "Pxe", "Hdd", "Cd", "UefiHttp")
ENABLED: tuple[Enabled, ...] = ("Disabled", "Once", "Continuous")
DEFAULT_MEMORY_MIB = 1024
DISK_GIB = 8
CORES = 2
BIOS: dict[str, tuple[Attribute, ...]] = {
    "BootOrder": ("Hdd,Network", "Network,Hdd"),
    "NicBoot1": ("NetworkBoot", "Disabled"),
    "NicBoot2": ("NetworkBoot", "Disabled"),
    "ProcCores": tuple(range(1, CORES + 1)),
    "SerialConsole": (True, False),
    "Watchdog": ("Enabled", "Disabled"),
}
"""The attributes of a blade's BIOS, each with what it can be; the first is how it comes."""

_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")
_WORLD_WIDE_NAME = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){7}")
ISCSI: dict[str, type] = {
    "AuthenticationMethod": str,
    "CHAPSecret": str,
    "CHAPUsername": str,
    "IPAddressType": str,
    "IPMaskDNSViaDHCP": bool,
    "InitiatorDefaultGateway": str,
    "InitiatorIPAddress": str,
    "InitiatorName": str,
    "InitiatorNetmask": str,
    "PrimaryDNS": str,
    "PrimaryLUN": int,
    "PrimaryTargetIPAddress": str,
    "PrimaryTargetName": str,
    "PrimaryTargetTCPPort": int,
    "PrimaryVLANEnable": bool,
    "PrimaryVLANId": int,
    "SecondaryLUN": int,
    "SecondaryTargetIPAddress": str,
    "SecondaryTargetName": str,
    "SecondaryTargetTCPPort": int,
    "TargetInfoViaDHCP": bool,
}
"""The settings of a card's iSCSI boot, as Redfish names them."""
_BOOT_MODES = ("Disabled", "PXE", "iSCSI", "FibreChannel", "HTTP")


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """One network function: who it says it is, and who it was made as; `number` counts from 1.

    `wwpn` and `wwnn` are its world-wide names as a fibre-channel function; `iscsi` holds the
    settings of Redfish's iSCSIBoot.
    """

    number: int
    permanent_mac: str
    mac: str
    permanent_wwpn: str
    permanent_wwnn: str
    wwpn: str
    wwnn: str
    boot_mode: str = "PXE"
    iscsi: dict[str, Attribute] = {}


class Boot(msgspec.Struct, frozen=True, kw_only=True):
    """The boot override: what to start from instead of what the BIOS says."""

    target: Target = "None"
    enabled: Enabled = "Disabled"
    http_uri: str = ""


class Medium(msgspec.Struct, frozen=True, kw_only=True):
    """A virtual medium that is inserted: a file of the machine."""

    file: str
    read_only: bool = True


class Hardware(msgspec.Struct, frozen=True, kw_only=True):
    """A blade's whole state that outlives its power.

    `pending` is what the next start makes `bios`; `log_cleared` the last entry of the journal
    that the log shows no more; `streams` whether events can be followed, and not only pushed.
    """

    cards: tuple[Card, ...]
    memory_mib: int = DEFAULT_MEMORY_MIB
    boot: Boot = Boot()
    bios: dict[str, Attribute] = {}
    pending: dict[str, Attribute] = {}
    media: dict[str, Medium] = {}
    indicator: str = "Off"
    asset_tag: str = ""
    log_cleared: int = 0
    streams: bool = True


def made(server: Server, memory_mib: int) -> Hardware:
    """Return a blade as it leaves the factory."""
    return Hardware(
        cards=tuple(
            Card(
                number=number,
                permanent_mac=mac,
                mac=mac,
                permanent_wwpn=f"20:{number:02x}:{mac}",
                permanent_wwnn=f"10:00:{mac}",
                wwpn=f"20:{number:02x}:{mac}",
                wwnn=f"10:00:{mac}",
            )
            for number, mac in enumerate((server.management_mac, server.data_mac), start=1)
        ),
        memory_mib=memory_mib,
        bios=defaults(),
    )


def defaults() -> dict[str, Attribute]:
    """Return the BIOS as it comes."""
    return {name: values[0] for name, values in BIOS.items()}


def started(kept: Hardware) -> tuple[Hardware, Hardware]:
    """Return the hardware of the start that begins now, and what is kept for the one after.

    Pending BIOS attributes take effect, and an override for once is used up.
    """
    now = replace(kept, bios=kept.bios | kept.pending, pending={})
    if now.boot.enabled == "Once":
        return now, replace(now, boot=Boot(http_uri=now.boot.http_uri))
    return now, now


def with_boot(kept: Hardware, asked: dict[str, object]) -> Hardware:
    """Take the `Boot` object of a PATCH; raises `Invalid`."""
    allowed = {"BootSourceOverrideTarget", "BootSourceOverrideEnabled", "HttpBootUri"}
    unknown = sorted(set(asked) - allowed - {"BootSourceOverrideMode"})
    if unknown or asked.get("BootSourceOverrideMode", "Legacy") != "Legacy":
        raise Invalid(
            f"this BIOS does not take {', '.join(unknown) or 'another boot mode than Legacy'}",
            hint=f"it takes {', '.join(sorted(allowed))}",
        )
    words = {name: str(value) for name, value in asked.items() if value is not None}
    target = words.get("BootSourceOverrideTarget", kept.boot.target)
    enabled = words.get("BootSourceOverrideEnabled")
    if enabled is None:
        same = "BootSourceOverrideTarget" not in words
        enabled = kept.boot.enabled if same else "Disabled" if target == "None" else "Once"
    uri = words.get("HttpBootUri", kept.boot.http_uri)
    if target not in TARGETS or enabled not in ENABLED:
        raise Invalid(
            f"there is no boot override {target}, {enabled}",
            hint=f"use one of {', '.join(TARGETS)}, and one of {', '.join(ENABLED)}",
        )
    if target == "UefiHttp" and not re.match(r"https?://[^\s]+$", uri):
        raise Invalid("booting by HTTP needs HttpBootUri", hint="give an http address")
    return replace(
        kept,
        boot=msgspec.convert({"target": target, "enabled": enabled, "http_uri": uri}, Boot),
    )


def with_bios(kept: Hardware, asked: dict[str, object]) -> Hardware:
    """Take BIOS attributes for the next start; raises `Invalid`."""
    for name, value in asked.items():
        if name not in BIOS:
            raise Invalid(f"this BIOS has no {name}", hint=f"it has {', '.join(BIOS)}")
        if not any(value == can and type(value) is type(can) for can in BIOS[name]):
            can = ", ".join(str(value) for value in BIOS[name])
            raise Invalid(f"{name} cannot be {value!r}", hint=f"it can be {can}")
    attributes = msgspec.convert(asked, dict[str, Attribute])
    return replace(kept, pending=kept.pending | attributes)


def with_card(kept: Hardware, number: int, asked: dict[str, object], *, on: bool) -> Hardware:
    """Take a PATCH of a NetworkDeviceFunction; raises `Invalid`, or `Conflict` while it is on."""
    if on:
        raise Conflict("the blade is on", hint="its cards are set while it is off")
    unknown = sorted(set(asked) - {"Ethernet", "FibreChannel", "iSCSIBoot", "BootMode"})
    if unknown:
        raise Invalid(f"{unknown[0]} cannot be written")
    card = kept.cards[number - 1]
    card = _with_ethernet(card, _part(asked, "Ethernet"))
    card = _with_fibre_channel(card, _part(asked, "FibreChannel"))
    card = _with_iscsi(card, _part(asked, "iSCSIBoot"))
    mode = asked.get("BootMode", card.boot_mode)
    if mode not in _BOOT_MODES:
        raise Invalid(f"BootMode cannot be {mode!r}", hint=f"it can be {', '.join(_BOOT_MODES)}")
    card = replace(card, boot_mode=str(mode))
    others = [other for other in kept.cards if other.number != number]
    if any(other.mac == card.mac for other in others):
        raise Conflict(f"another card of this blade has {card.mac} already")
    cards = sorted([card, *others], key=lambda one: one.number)
    return replace(kept, cards=tuple(cards))


def _part(asked: dict[str, object], name: str) -> dict[str, object]:
    part = asked.get(name, {})
    if not isinstance(part, dict):
        raise Invalid(f"{name} is no object")
    return part


def _with_ethernet(card: Card, asked: dict[str, object]) -> Card:
    for name in sorted(set(asked) - {"MACAddress"}):
        raise Invalid(f"Ethernet.{name} cannot be written")
    if "MACAddress" not in asked:
        return card
    mac = asked["MACAddress"]
    if mac is None:
        return replace(card, mac=card.permanent_mac)
    lower = str(mac).lower().replace("-", ":")
    if not _MAC.fullmatch(lower) or int(lower[:2], 16) & 1 or lower == "00:00:00:00:00:00":
        raise Invalid(
            f"{mac!r} is no hardware address of a card", hint="six bytes, like 02:00:00:00:00:01"
        )
    return replace(card, mac=lower)


def _with_fibre_channel(card: Card, asked: dict[str, object]) -> Card:
    names = {"WWPN": card.permanent_wwpn, "WWNN": card.permanent_wwnn}
    for name, value in asked.items():
        if name not in names:
            raise Invalid(f"FibreChannel.{name} cannot be written")
        lower = names[name] if value is None else str(value).lower()
        if not _WORLD_WIDE_NAME.fullmatch(lower):
            raise Invalid(
                f"{value!r} is no world-wide name", hint="eight bytes, like 20:00:00:00:00:00:00:01"
            )
        card = replace(card, wwpn=lower) if name == "WWPN" else replace(card, wwnn=lower)
    return card


def _with_iscsi(card: Card, asked: dict[str, object]) -> Card:
    kept = dict(card.iscsi)
    for name, value in asked.items():
        if name not in ISCSI:
            raise Invalid(f"iSCSIBoot.{name} cannot be written")
        if value is None:
            kept.pop(name, None)
        elif type(value) is not ISCSI[name]:
            raise Invalid(f"iSCSIBoot.{name} cannot be {value!r}")
        else:
            kept[name] = msgspec.convert(value, Attribute)
    return replace(card, iscsi=kept)
