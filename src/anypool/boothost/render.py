"""From who boots as whom to what dnsmasq, iPXE and tgt are told: pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from anypool.boothost.values import Entry, Site, Target

LEASE = "12h"
AGAIN_S = 5
_EFI = (6, 7, 9)
NO_PROXY = "encap:175,176,1b"
"""iPXE's own option no-pxedhcp: it need not wait for another server that says what to boot."""


@dataclass(frozen=True)
class Kit:
    """What an image is booted with: `cmdline` for its kernel, "" where its disk boots by itself."""

    name: str
    version: int
    kernel: bool = False
    initrd: bool = False
    cmdline: str = ""
    disk: bool = False


@dataclass(frozen=True)
class Export:
    """A target as it is to be: one disk, one initiator at one address, who knows the secret.

    `disk` is "" while there is none yet; then nobody can log in. `user` and `secret` are new with
    each epoch of a profile: name and address move with it, and so tell nobody apart.
    """

    iqn: str
    lun: int
    disk: str
    initiator: str
    address: str
    user: str
    secret: str = field(repr=False)


def settings(site: Site, folder: str) -> str:
    """Return dnsmasq's configuration: whoever is not named in the list of hosts is not answered."""
    network = ipaddress.IPv4Network(f"{site.address}/{site.prefix}", strict=False)
    lines = [
        "port=0",
        f"interface={site.interface}",
        "except-interface=lo",
        "bind-interfaces",
        "no-ping",
        "dhcp-authoritative",
        f"dhcp-range={network.network_address},static,{network.netmask},{LEASE}",
        "dhcp-ignore=tag:!known",
        f"dhcp-hostsfile={folder}/dhcp-hosts",
        f"dhcp-leasefile={folder}/leases",
        "dhcp-match=set:ipxe,175",
        f"dhcp-boot=tag:ipxe,{site.url}/boot",
        f"dhcp-option=tag:ipxe,{NO_PROXY}",
    ]
    if site.tftp:
        lines += [f"dhcp-match=set:efi,option:client-arch,{kind}" for kind in _EFI]
        lines += ["enable-tftp", f"tftp-root={site.tftp}"]
        lines += ["dhcp-boot=tag:!ipxe,tag:efi,ipxe.efi"]
        lines += ["dhcp-boot=tag:!ipxe,tag:!efi,undionly.kpxe"]
    return "".join(f"{line}\n" for line in lines)


def hosts(entries: Iterable[Entry]) -> str:
    """Return dnsmasq's list of hosts, a line for each entry: all MACs have its one address."""
    return "".join(
        f"{','.join(one.macs)},{one.ip},{one.name},{LEASE}\n"
        for one in sorted(entries, key=lambda one: one.profile)
    )


def ours(entry: Entry, site: Site) -> Target | None:
    """Return the target of an entry that this boot host serves, None if it serves none."""
    here = (site.address, site.iscsi_port)
    return next((one for one in entry.targets if (one.address, one.port) == here), None)


def exports(
    entries: Iterable[Entry], site: Site, disks: Mapping[str, str], secrets: Mapping[str, str]
) -> tuple[Export, ...]:
    """Return the targets that are to be; `disks` and `secrets` are by profile."""
    found = []
    for entry in sorted(entries, key=lambda one: one.profile):
        target = ours(entry, site)
        if target is not None:
            disk = disks.get(entry.profile, "")
            found.append(
                Export(
                    iqn=target.iqn,
                    lun=target.lun or 1,
                    disk=disk,
                    initiator=entry.initiator,
                    address=entry.ip,
                    user=user_of(entry),
                    secret=secrets.get(entry.profile, ""),
                )
            )
    return tuple(found)


def user_of(entry: Entry) -> str:
    """Return who logs in to the target of an entry, in its epoch."""
    return f"{entry.profile}-{entry.epoch}"


def script(entry: Entry, site: Site, kit: Kit | None, secret: str) -> str:
    """Return what iPXE does for an entry; `secret` is what its target asks for."""
    head = f"#!ipxe\n# {entry.name}, {entry.mark}\n"
    if entry.script:
        return f"{head}chain --replace --autofree {entry.script}\n"
    target = ours(entry, site) or next(iter(entry.targets), None)
    if kit is not None and kit.kernel:
        return head + _kernel(entry, site, kit, (target, secret))
    if target is not None:
        lun = (target.lun or 1) if target is ours(entry, site) else target.lun
        place = f"iscsi:{target.address}::{target.port}:{lun:x}:{target.iqn}"
        known = f"set username {user_of(entry)}\nset password {secret}\n"
        known = known if target is ours(entry, site) else ""
        return f"{head}set initiator-iqn {entry.initiator}\n{known}sanboot --drive 0x80 {place}\n"
    return f"{head}exit\n"


def not_ready(entry: Entry, site: Site, why: str) -> str:
    """Return what iPXE does while a disk is not there yet: it asks again."""
    told = "".join(char for char in why if char.isalnum() or char in " .%:-")
    return (
        f"#!ipxe\n# {entry.name}, {entry.mark}\necho {told}\nsleep {AGAIN_S}\n"
        f"chain --replace --autofree {site.url}/boot\n"
    )


def _kernel(entry: Entry, site: Site, kit: Kit, at: tuple[Target | None, str]) -> str:
    place = f"{site.url}/images/{kit.name}/{kit.version}"
    words = [f"kernel {place}/kernel"]
    words += ["initrd=initrd"] if kit.initrd else []
    words += [_filled(kit.cmdline, entry, *at)] if kit.cmdline else []
    lines = [" ".join(words)]
    lines += [f"initrd --name initrd {place}/initrd"] if kit.initrd else []
    return "".join(f"{line}\n" for line in [*lines, "boot"])


def _filled(cmdline: str, entry: Entry, target: Target | None, secret: str) -> str:
    """Return a command line with what is this server's own, such as `{name}`, filled in."""
    facts = {"name": entry.name, "ip": entry.ip, "mac": entry.macs[0], "profile": entry.profile}
    facts |= {"initiator": entry.initiator, "user": user_of(entry), "password": secret}
    if target is not None:
        facts |= {"target": target.iqn, "address": target.address}
        facts |= {"port": str(target.port), "lun": str(target.lun or 1)}
    for word, value in facts.items():
        cmdline = cmdline.replace("{" + word + "}", value)
    return cmdline
