"""Which names may reach a platform: checked before anything is sent."""

import re

from anypool.errors import Invalid

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_MAC = re.compile(r"[0-9a-f][02468ace](:[0-9a-f]{2}){5}")
_TARGET = re.compile(r"(vd|sd|hd|xvd)[a-z]{1,2}")
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def check_name(kind: str, name: str) -> None:
    """Raise `Invalid` unless `name` is safe as a name of a VM, volume, snapshot or network."""
    if not _NAME.fullmatch(name):
        raise Invalid(
            f"{name!r} cannot be the name of a {kind}",
            hint="use up to 63 letters, digits, dots, dashes and underscores",
        )


def check_vm_id(vm: str) -> None:
    """Raise `Invalid` unless `vm` is a UUID in lower case with dashes."""
    if not _ID.fullmatch(vm):
        raise Invalid(f"{vm!r} is not a VM's id", hint="a UUID in lower case with dashes")


def check_mac(mac: str) -> None:
    """Raise `Invalid` unless `mac` is one adapter's address in lower case."""
    if not _MAC.fullmatch(mac) or mac == "00:00:00:00:00:00":
        raise Invalid(f"{mac!r} is not an adapter's address", hint="such as 52:54:00:12:34:56")


def check_target(target: str) -> None:
    """Raise `Invalid` unless `target` is a disk's name inside a VM."""
    if not _TARGET.fullmatch(target):
        raise Invalid(f"{target!r} is not a disk of a VM", hint="such as vda or vdb")
