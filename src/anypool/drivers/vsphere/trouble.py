"""What vSphere's faults and a broken conversation mean to us: errors of `anypool.errors`."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from typing import Any
from xml.parsers.expat import ExpatError

from pyVmomi import vim, vmodl

from anypool.drivers.vsphere.answers import NotALook
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

BROKEN = (OSError, HTTPException)
"""The connection broke, or no answer came in time."""

GARBAGE = (
    *(ExpatError, ValueError, KeyError, TypeError, AttributeError, LookupError, AssertionError),
    RuntimeError,
)
"""What pyVmomi raises when an answer is none."""

_KINDS: tuple[tuple[Any, type[AnypoolError], str], ...] = (
    (vim.fault.InvalidLogin, Denied, "check the user and the password"),
    (vim.fault.NoPermission, Denied, "the vCenter's administrator gives the role what it lacks"),
    (vmodl.fault.ManagedObjectNotFound, NotFound, ""),
    (vim.fault.NotFound, NotFound, ""),
    (vim.fault.FileNotFound, NotFound, ""),
    (vim.fault.InvalidPowerState, Conflict, ""),
    (vim.fault.DuplicateName, Conflict, "choose another name"),
    (vim.fault.AlreadyExists, Conflict, ""),
    (vim.fault.FileAlreadyExists, Conflict, "choose another name"),
    (vim.fault.ResourceInUse, Busy, "try again when it is free"),
    (vim.fault.TaskInProgress, Busy, "vCenter works on it; try again later"),
    (vim.fault.ConcurrentAccess, Busy, "try again"),
    (vmodl.fault.NotSupported, NotSupported, ""),
    (vmodl.fault.NotImplemented, NotSupported, ""),
    (vim.fault.RestrictedVersion, Denied, "the licence of that host has no such operation"),
    (vim.fault.InvalidState, Conflict, ""),
    (vmodl.fault.InvalidArgument, Invalid, ""),
)


def said(fault: Any) -> str:
    """Return a fault's name and words in one line."""
    words = " ".join(str(getattr(fault, "msg", "") or "").split())
    name = type(fault).__name__.rpartition(".")[2]
    return f"{name}: {words}" if words and words != name else name


def explained(fault: Any, what: str) -> AnypoolError:
    """Return what a fault means; vCenter did answer and has changed nothing."""
    for kind, error, hint in _KINDS:
        if isinstance(fault, kind):
            return error(f"{what}: {said(fault)}", hint=hint)
    return Rejected(f"{what}: {said(fault)}")


def is_session_over(fault: Any) -> bool:
    """Return whether vCenter no longer knows who asks."""
    return isinstance(fault, vim.fault.NotAuthenticated)


def broken(problem: BaseException, what: str, *, deed: bool) -> AnypoolError:
    """Return what a connection that broke means for what was under way."""
    why = str(problem) or type(problem).__name__
    if isinstance(problem, ssl.SSLError) and not deed:
        return Unreachable(f"{what}: {why}", hint="does a vCenter answer there, by https?")
    if deed and not isinstance(problem, ConnectionRefusedError):
        return OutcomeUnknown(f"{what}: no answer ({why})", hint="look first")
    return Unreachable(f"{what}: {why}", hint="is the vCenter up, and its address right?")


@contextmanager
def translated(what: str, *, deed: bool) -> Iterator[None]:
    """Raise our errors; of a `deed` without an answer nobody knows whether it was done."""
    try:
        yield
    except AnypoolError:
        raise
    except NotALook as problem:
        raise NotSupported(f"{what}: {problem} is no look, and nothing was sent") from problem
    except vmodl.MethodFault as fault:
        raise explained(fault, what) from fault
    except BROKEN as problem:
        raise broken(problem, what, deed=deed) from problem
    except GARBAGE as problem:
        short = f"{what}: the answer is none of a vCenter's ({type(problem).__name__}: {problem})"
        kind = OutcomeUnknown if deed else Unreachable
        raise kind(short[:300], hint="look first" if deed else "what is there?") from problem
