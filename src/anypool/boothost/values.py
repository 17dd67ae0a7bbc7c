"""What a boot host is told: who boots as whom, and where it serves; checked as it comes in."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import asdict, dataclass, fields
from typing import Any

_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")
_IQN = re.compile(r"(iqn\.\d{4}-\d{2}\.[a-z0-9.-]+(:[a-z0-9._:-]+)?|eui\.[0-9a-f]{16})")
_URL = re.compile(r"(https?|tftp)://[A-Za-z0-9._~:/?#@!$&'()*+,;=%{}\[\]-]{1,380}")
_IMAGE = re.compile(r"([a-z0-9][a-z0-9._-]{0,62})(?::([1-9]\d{0,5}))?")
_INTERFACE = re.compile(r"[A-Za-z0-9._-]{1,15}")
_PATH = re.compile(r"(/[A-Za-z0-9._-]+)+")
_SSH = re.compile(r"ssh-ed25519 [A-Za-z0-9+/]{40,120}={0,2}( [A-Za-z0-9@._-]{1,80})?")
MOST_MACS = 16
MOST_KEYS = 16


class Refused(Exception):
    """Something is not done, and nothing was changed; `hint` says what to do next."""

    def __init__(self, message: str, hint: str = "", kind: str = "rejected") -> None:
        super().__init__(message)
        self.hint = hint
        self.kind = kind


@dataclass(frozen=True)
class Target:
    """An iSCSI target that is booted from."""

    iqn: str
    address: str
    port: int = 3260
    lun: int = 0


@dataclass(frozen=True)
class Entry:
    """Who boots as whom: a server, by its MACs, as a profile in one epoch.

    `image` is `NAME`, whose current version is booted, or `NAME:VERSION`; "" for none.
    `script` is an address that iPXE is sent on to. `keys` are public SSH keys of who may log in
    to it; a server with some is a hypervisor, and is given a host key.
    """

    profile: str
    epoch: int
    server: str
    name: str
    macs: tuple[str, ...]
    ip: str
    initiator: str = ""
    targets: tuple[Target, ...] = ()
    image: str = ""
    script: str = ""
    keys: tuple[str, ...] = ()

    @property
    def mark(self) -> str:
        """Which profile it is, in which epoch."""
        return f"{self.profile}@{self.epoch}"

    @property
    def wanted(self) -> tuple[str, int]:
        """The name of its image and the version that is asked for, 0 for the current one."""
        name, _, version = self.image.partition(":")
        return name, int(version or 0)


@dataclass(frozen=True)
class Site:
    """Where a boot host serves: an address in a network, on an interface.

    `tftp` is a folder with iPXE for firmware that has none of its own, "" for no TFTP.
    `control` is the number of tgtd's control port, `copies` how many disks are copied at once.
    """

    interface: str
    address: str
    prefix: int = 24
    port: int = 8480
    iscsi_port: int = 3260
    control: int = 0
    tftp: str = ""
    copies: int = 2

    @property
    def url(self) -> str:
        """Where it serves HTTP."""
        return f"http://{self.address}:{self.port}"


def entry_of(raw: Any) -> Entry:
    """Return an entry; raise `Refused` for one that makes no sense."""
    known = _fields(raw, Entry)
    targets = known.get("targets", ())
    if not isinstance(targets, (list, tuple)):
        raise Refused("targets are a list")
    known["targets"] = tuple(_target(one) for one in targets)
    macs = known.get("macs", ())
    if not isinstance(macs, (list, tuple)) or not 0 < len(macs) <= MOST_MACS:
        raise Refused("an entry has MACs", "of the server that boots", "invalid")
    known["macs"] = tuple(_text(mac, _MAC, "a MAC") for mac in macs)
    keys = known.get("keys", ())
    if not isinstance(keys, (list, tuple)) or len(keys) > MOST_KEYS:
        raise Refused("keys are a list of public SSH keys", kind="invalid")
    known["keys"] = tuple(_text(key, _SSH, "a public SSH key, ssh-ed25519 ...") for key in keys)
    made = Entry(**known)
    _text(made.profile, _KEY, "the id of a profile")
    _text(made.server, _KEY, "the id of a server")
    _text(made.name, _NAME, "a host name: lower case, digits, hyphens")
    _number(made.epoch, 1, 1 << 53, "the epoch")
    for text, pattern, what in (
        (made.initiator, _IQN, "the name of an initiator"),
        (made.image, _IMAGE, "an image, NAME or NAME:VERSION"),
        (made.script, _URL, "an address for iPXE"),
    ):
        if text != "":
            _text(text, pattern, what)
    _address(made.ip)
    if made.targets and not made.initiator:
        raise Refused("an entry with targets has an initiator", kind="invalid")
    return made


def site_of(raw: Any) -> Site:
    """Return where a boot host serves; raise `Refused`."""
    made = Site(**_fields(raw, Site))
    _text(made.interface, _INTERFACE, "the name of an interface")
    _address(made.address)
    _number(made.prefix, 8, 30, "the length of the network's prefix")
    for port in (made.port, made.iscsi_port):
        _number(port, 1, 65535, "a port")
    _number(made.control, 0, 1023, "the control port of tgtd")
    _number(made.copies, 1, 64, "how many copies there may be at once")
    if made.tftp != "":
        _text(made.tftp, _PATH, "a folder")
    return made


def plain(entry: Entry) -> dict[str, Any]:
    """Return an entry as JSON has it."""
    return asdict(entry)


def image_name(text: Any) -> str:
    """Return the name of an image; raise `Refused`."""
    if ":" in str(text):
        raise Refused("that is no name of an image", "without a version", "invalid")
    return _text(text, _IMAGE, "the name of an image")


def _target(raw: Any) -> Target:
    made = Target(**_fields(raw, Target))
    _text(made.iqn, _IQN, "the name of a target")
    _address(made.address)
    _number(made.port, 1, 65535, "a port")
    _number(made.lun, 0, 16383, "a LUN")
    return made


def _fields(raw: Any, kind: Any) -> dict[str, Any]:
    if not isinstance(raw, dict):
        raise Refused("that is no object", kind="invalid")
    known = {one.name for one in fields(kind)}
    if strange := sorted(map(str, set(raw) - known)):
        raise Refused(f"{strange[0][:40]} is not known here", "is the program older?", "invalid")
    needed = {one.name for one in fields(kind) if one.default is one.default_factory}
    if missing := sorted(needed - set(raw)):
        raise Refused(f"{missing[0]} is missing", kind="invalid")
    return dict(raw)


def _text(value: Any, pattern: re.Pattern[str], what: str) -> str:
    if not isinstance(value, str) or pattern.fullmatch(value) is None:
        raise Refused(f"{str(value)[:80]!r} is not {what}", kind="invalid")
    return value


def _number(value: Any, least: int, most: int, what: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise Refused(f"{str(value)[:40]} is not {what}", f"{least} to {most}", "invalid")


def _address(value: Any) -> None:
    try:
        good = isinstance(value, str) and bool(ipaddress.IPv4Address(value))
    except ValueError:
        good = False
    if not good:
        raise Refused(f"{str(value)[:60]!r} is no IPv4 address", kind="invalid")
