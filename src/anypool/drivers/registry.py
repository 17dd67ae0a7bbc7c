"""Which drivers there are, which addresses are theirs, and what each was seen to work with."""

import difflib
import importlib
import re
import tomllib
from collections.abc import Iterable
from functools import cache
from importlib import resources
from typing import Any

import msgspec
from msgspec import Struct

from anypool.drivers.observing import guarded
from anypool.drivers.protocol import Driver
from anypool.errors import Invalid, NotSupported
from anypool.model import Endpoint, taken_apart

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_BARE = re.compile(r"[A-Za-z0-9.:_\[\]-]+")
_PASSWORD = re.compile(r"//[^/@]*:[^/@]*@")
_LONGEST = 1024


class Seen(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One product and version that a driver was seen to work against, and by which means."""

    product: str
    version: str
    by: str


class Quality(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a driver's `quality.toml` says: honest, and tested for being there.

    `kind` is the best thing it ever met: `simulator`, `emulator` (somebody else's
    imitation of the product) or `product`.
    """

    driver: str
    title: str
    kind: str
    seen: tuple[Seen, ...]
    not_seen: tuple[str, ...] = ()


class DriverEntry(Struct, frozen=True, kw_only=True):
    """A driver: the module with its `connect`, and the schemes of the addresses that are its own.

    `install` says how to get the vendor's library where it is not part of anypool, `options`
    are those of an endpoint that it understands; none of them is a secret. Where `looks_first`
    is set an endpoint is added observe-only unless somebody says otherwise. One without schemes
    is of no endpoint that somebody adds: a host is given it beside its own.
    """

    name: str
    module: str
    schemes: frozenset[str]
    example: str
    install: str = ""
    options: frozenset[str] = frozenset()
    looks_first: bool = False


def _libvirt_schemes() -> frozenset[str]:
    transports = ("", "+tcp", "+tls", "+ssh", "+libssh", "+libssh2", "+unix")
    return frozenset(p + t for p in ("qemu", "xen", "lxc", "test", "ch") for t in transports)


DRIVERS: dict[str, DriverEntry] = {
    entry.name: entry
    for entry in (
        DriverEntry(
            name="libvirt",
            module="anypool.drivers.libvirt.driver",
            schemes=_libvirt_schemes(),
            example="qemu+ssh://root@HOST/system",
            install="install Debian's python3-libvirt, or `pip install anypool[libvirt]`",
            options=frozenset(
                {"user", "peer_uri", "accelerator", "host_key"}
                | {"vnc_listen", "console_log_dir", "disk_cache"}
            ),
        ),
        DriverEntry(
            name="vsphere",
            module="anypool.drivers.vsphere.driver",
            schemes=frozenset({"vsphere"}),
            example="vsphere://USER@VCENTER/",
            install="`pip install anypool[vsphere]`",
            options=frozenset({"user", "fingerprint", "accepts-moves"}),
            looks_first=True,
        ),
        DriverEntry(
            name="sim",
            module="anypool.drivers.sim.connect",
            schemes=frozenset({"sim"}),
            example="sim://demo?hosts=3&vms=6",
        ),
        DriverEntry(
            name="redfish",
            module="anypool.drivers.redfish.driver",
            schemes=frozenset({"redfish"}),
            example="redfish://BMC",
            options=frozenset({"user", "system", "fingerprint", "proved"}),
            looks_first=True,
        ),
        DriverEntry(
            name="ipmi",
            module="anypool.drivers.ipmi.driver",
            schemes=frozenset({"ipmi"}),
            example="ipmi://BMC",
            install="`pip install anypool[ipmi]`",
            options=frozenset({"user"}),
            looks_first=True,
        ),
        DriverEntry(
            name="boot",
            module="anypool.drivers.boot.driver",
            schemes=frozenset({"boot+ssh", "boot+unix"}),
            example="boot+ssh://root@HOST",
        ),
    )
}


def detect(uri: str) -> str:
    """Return the name of the driver that an address belongs to; raise `Invalid` with a hint."""
    if len(uri) > _LONGEST or not uri.isprintable() or " " in uri or not uri:
        raise Invalid("that is not the address of an endpoint", hint=_examples())
    if _PASSWORD.search(uri):
        raise Invalid(
            "a password does not belong in an address",
            hint="leave it out of the address and give it separately",
        )
    match = _SCHEME.match(uri)
    if match is None:
        raise Invalid(f"'{uri}' does not say how to speak to it", hint=_hint_for_bare(uri))
    scheme = match[1].lower()
    for entry in DRIVERS.values():
        if scheme in entry.schemes:
            taken_apart(uri, f"such as {entry.example}")
            return entry.name
    raise Invalid(f"no driver speaks '{scheme}'", hint=_hint_for_scheme(scheme))


def check_options(driver: str, options: Iterable[tuple[str, str]]) -> None:
    """Raise `Invalid` for an option that a driver does not know, or with a password in it."""
    known = DRIVERS[driver].options
    for name, value in options:
        if name not in known:
            there = ", ".join(sorted(known)) or "none"
            raise Invalid(
                f"an endpoint of {driver} has no option '{name[:80]}'",
                hint=f"there are: {there}; a password is given as such, not as an option",
            )
        if _PASSWORD.search(value):
            raise Invalid(
                f"a password does not belong in the option {name}",
                hint="options are shown to everybody who may look",
            )


def connect(endpoint: Endpoint, secret: str) -> Driver:
    """Return a new connection; imports the driver's folder, so call it in a worker only.

    Where the endpoint is observe-only, the driver can only look.
    Raises what the driver raises: `Invalid`, `Denied`, `Unreachable`; and `NotSupported`
    when the vendor's library is not installed.
    """
    entry = DRIVERS.get(endpoint.driver)
    if entry is None:
        known = ", ".join(sorted(DRIVERS))
        raise Invalid(f"there is no driver '{endpoint.driver}'", hint=f"known are {known}")
    driver: Driver = _module(entry).connect(endpoint, secret)
    return guarded(endpoint, driver)


def _module(entry: DriverEntry) -> Any:
    try:
        return importlib.import_module(entry.module)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("anypool"):
            raise
        raise NotSupported(
            f"the Python module {error.name} is not installed", hint=entry.install
        ) from error


def part(driver: str, name: str) -> Any:
    """Return a module of a driver's folder; for those that need no vendor's library."""
    return importlib.import_module(f"anypool.drivers.{driver}.{name}")


@cache
def quality(driver: str) -> Quality:
    """Return what a driver was seen to work with, read from its folder."""
    file = resources.files("anypool.drivers").joinpath(driver, "quality.toml")
    return msgspec.convert(tomllib.loads(file.read_text(encoding="utf-8")), Quality)


def _examples() -> str:
    return "write " + " or ".join(entry.example for entry in DRIVERS.values() if entry.schemes)


def _hint_for_bare(uri: str) -> str:
    if not _BARE.fullmatch(uri):
        return _examples()
    return f"for a libvirt host write qemu+ssh://root@{uri}/system or qemu+tls://{uri}/system"


def _hint_for_scheme(scheme: str) -> str:
    known = sorted(scheme for entry in DRIVERS.values() for scheme in entry.schemes)
    close = difflib.get_close_matches(scheme, known, n=1)
    if close:
        return f"did you mean {close[0]}://?"
    common = ("qemu", "qemu+ssh", "qemu+tls", "qemu+tcp", "sim")
    return "known are " + ", ".join(f"{name}://" for name in common)
