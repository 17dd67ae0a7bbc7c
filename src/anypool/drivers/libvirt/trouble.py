"""What libvirt's errors mean to us: every `libvirtError` becomes an error of `anypool.errors`."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import libvirt

from anypool.errors import (
    AnypoolError,
    Busy,
    Conflict,
    Denied,
    Invalid,
    NotFound,
    NotSupported,
    OutcomeUnknown,
    Rejected,
    Unreachable,
)

_KINDS: dict[int, type[AnypoolError]] = {
    libvirt.VIR_ERR_NO_DOMAIN: NotFound,
    libvirt.VIR_ERR_NO_NETWORK: Rejected,
    libvirt.VIR_ERR_NO_STORAGE_POOL: Rejected,
    libvirt.VIR_ERR_NO_STORAGE_VOL: NotFound,
    libvirt.VIR_ERR_NO_DOMAIN_SNAPSHOT: NotFound,
    libvirt.VIR_ERR_NO_SUPPORT: NotSupported,
    libvirt.VIR_ERR_DOM_EXIST: Conflict,
    libvirt.VIR_ERR_STORAGE_VOL_EXIST: Conflict,
    libvirt.VIR_ERR_OPERATION_INVALID: Conflict,
    libvirt.VIR_ERR_OPERATION_DENIED: Denied,
    libvirt.VIR_ERR_ACCESS_DENIED: Denied,
    libvirt.VIR_ERR_AUTH_FAILED: Denied,
    libvirt.VIR_ERR_AUTH_CANCELLED: Denied,
    libvirt.VIR_ERR_OPERATION_TIMEOUT: Busy,
    libvirt.VIR_ERR_RESOURCE_BUSY: Busy,
    libvirt.VIR_ERR_AGENT_UNRESPONSIVE: Busy,
}

_SAYINGS: tuple[tuple[str, type[AnypoolError], str], ...] = (
    ('get "write" lock', Conflict, "a disk is in use by another copy of the VM, here or elsewhere"),
    ("get shared", Conflict, "a disk is in use by another copy of the VM, here or elsewhere"),
    ("No space left", Rejected, "the datastore is full; free some space or choose another one"),
    ("Disk quota exceeded", Rejected, "the datastore is full; free some space or raise the quota"),
    ("Cannot allocate memory", Rejected, "the host has too little free memory for this VM"),
    ("cannot set up guest memory", Rejected, "the host has too little free memory for this VM"),
    ("not available on this host", Rejected, "the host has no control groups for shares or limits"),
    ("controller is not mounted", NotSupported, "the host has no control groups for this"),
    ("Could not open", Rejected, "is the volume still on the datastore, and may QEMU read it?"),
    ("read from monitor", OutcomeUnknown, "the VM's emulator died meanwhile; look at the VM"),
    ("qemu monitor", OutcomeUnknown, "the VM's emulator died meanwhile; look at the VM"),
    ("Network not found", Rejected, "define that network in libvirt on this host"),
    ("cannot acquire state change lock", Busy, "libvirt works on this VM; try again later"),
)


_CHILD = re.compile(r"internal error: Child process \(.*?\) unexpected exit status \d+: ")
"""Whole command lines of programs that libvirt ran: what they said follows."""


def is_gone(problem: libvirt.libvirtError) -> bool:
    """Whether the object the call was about does not exist."""
    return _KINDS.get(problem.get_error_code()) is NotFound


def is_no_uuid(problem: libvirt.libvirtError) -> bool:
    """Whether what was given is no UUID, so that nothing can bear it."""
    return bool(problem.get_error_code() == libvirt.VIR_ERR_INVALID_ARG)


def is_missing_function(problem: libvirt.libvirtError) -> bool:
    """Whether this hypervisor's driver lacks the function altogether."""
    return problem.get_error_code() in (
        libvirt.VIR_ERR_NO_SUPPORT,
        libvirt.VIR_ERR_OPERATION_UNSUPPORTED,
    )


def explained(problem: libvirt.libvirtError, what: str) -> AnypoolError:
    """Say what libvirt's answer means; the peer did answer and has changed nothing."""
    said = " ".join((problem.get_error_message() or str(problem)).split())
    said = _CHILD.sub("", said)
    for saying, kind, hint in _SAYINGS:
        if saying in said:
            return kind(f"{what}: {said}", hint=hint)
    return _KINDS.get(problem.get_error_code(), Rejected)(f"{what}: {said}")


@contextmanager
def reading(connection: libvirt.virConnect, what: str) -> Iterator[None]:
    """Raise our errors for a read; a lost connection is `Unreachable`."""
    try:
        yield
    except libvirt.libvirtError as problem:
        if not connection.isAlive():
            raise Unreachable(f"{what}: the connection to libvirt broke") from problem
        raise explained(problem, what) from problem


@contextmanager
def doing(connection: libvirt.virConnect, what: str) -> Iterator[None]:
    """Raise our errors for a deed; when the connection breaks nobody knows whether it was done."""
    try:
        yield
    except libvirt.libvirtError as problem:
        if not connection.isAlive():
            raise OutcomeUnknown(
                f"{what}: the connection to libvirt broke before its answer", hint="look first"
            ) from problem
        raise explained(problem, what) from problem


def refused_to_open(problem: libvirt.libvirtError, uri: str) -> AnypoolError:
    """Say why an address could not be opened, and what to do about it."""
    said = " ".join((problem.get_error_message() or str(problem)).split())
    for words, kind, hint in _OPENING:
        if any(word in said for word in words):
            return kind(f"{uri}: {said}", hint=hint)
    if problem.get_error_code() in _WRONG_ADDRESS:
        return Invalid(
            f"{uri} is no libvirt address: {said}",
            hint="such as qemu:///system, qemu+tls://HOST/system or qemu+ssh://USER@HOST/system",
        )
    return Unreachable(f"{uri}: {said}", hint="is the host up, and does its libvirtd listen?")


_WRONG_ADDRESS = frozenset(
    {
        libvirt.VIR_ERR_NO_CONNECT,
        libvirt.VIR_ERR_INVALID_ARG,
        libvirt.VIR_ERR_CONFIG_UNSUPPORTED,
        libvirt.VIR_ERR_NO_SUPPORT,
    }
)

_OPENING: tuple[tuple[tuple[str, ...], type[AnypoolError], str], ...] = (
    (
        ("authentication failed", "Permission denied", "authentication cancelled"),
        Denied,
        "check the user name and the password, or for ssh the key of the manager's user",
    ),
    (
        ("unexpected qemu URI path", "no connection driver", "failed to parse xml document"),
        Invalid,
        "such as qemu:///system, qemu+tls://HOST/system or qemu+ssh://USER@HOST/system",
    ),
    (
        ("certificate", "TLS", "handshake"),
        Unreachable,
        "check the certificates in /etc/pki/CA and /etc/pki/libvirt of the manager and the host",
    ),
    (
        ("Host key verification failed",),
        Unreachable,
        "connect once with ssh as the manager's user, so that it knows the host's key",
    ),
    (
        ("ssh:",),
        Unreachable,
        "try `ssh USER@HOST` as the manager's user: the host must be up and let it in by key",
    ),
    (
        ("Connection refused",),
        Unreachable,
        "the host is up but nothing listens there: is libvirtd running with --listen?",
    ),
    (
        ("resolve", "Name or service not known"),
        Unreachable,
        "the host's name is not known; check the spelling or use its address",
    ),
    (
        ("No such file or directory", "Failed to connect socket"),
        Unreachable,
        "is libvirt installed there, and does its libvirtd run?",
    ),
)
