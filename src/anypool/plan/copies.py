"""A VM that several hosts know: which copy is the VM, and which may be forgotten."""

from msgspec import Struct
from msgspec.structs import replace

from anypool.errors import Conflict
from anypool.model import (
    VM_ALIVE,
    VM_DOWN,
    HostId,
    HostState,
    Inventory,
    StateReason,
    Vm,
    VmCopy,
    VmState,
)
from anypool.plan.action import RemoveCopy
from anypool.plan.reason import Reason, reason
from anypool.plan.refuse import refuse


class Known(Struct, frozen=True, kw_only=True, gc=False):
    """One copy of a VM; `counts` says that it is the VM, `why` so or why not.

    `kept` says why it may not be removed, None if it may.
    """

    host: HostId
    state: VmState
    reason: StateReason
    counts: bool
    why: Reason
    kept: Reason | None


def copies_of(vm: Vm, inventory: Inventory) -> tuple[Known, ...]:
    """Return every copy of a VM, the one that counts first; none if no host knows it."""
    if vm.host is None:
        return ()
    main = VmCopy(host=vm.host, state=vm.state, reason=vm.reason)
    return tuple(
        Known(
            host=one.host,
            state=one.state,
            reason=one.reason,
            counts=one is main,
            why=_why(one, main, vm),
            kept=why_kept(vm, one.host, inventory),
        )
        for one in (main, *vm.copies)
    )


def _why(one: VmCopy, main: VmCopy, vm: Vm) -> Reason:
    """Return why a copy counts, or why it does not."""
    if one.state is VmState.UNKNOWN:
        return reason("copy.unheard")
    if one.reason is StateReason.INCOMING:
        return reason("copy.incoming")
    if one.reason is StateReason.MIGRATING:
        return reason("copy.held")
    if one.state in VM_ALIVE:
        return reason("copy.lives" if one is main else "copy.beside")
    if main.state in VM_DOWN:
        return reason("copy.alike" if vm.copies else "copy.alone")
    return reason("copy.left")


def kept_by(vm: Vm, host: HostId) -> VmCopy | None:
    """Return the copy that is left as the VM if one is forgotten, None if there is none."""
    if vm.host is not None and vm.host != host:
        return VmCopy(host=vm.host, state=vm.state, reason=vm.reason)
    others = (one for one in vm.copies if one.state in VM_DOWN)
    return next(others, None)


def why_kept(vm: Vm, host: HostId, inventory: Inventory) -> Reason | None:
    """Return why the copy of a VM on a host may not be removed, None if it may."""
    here = next((one for one in _all(vm) if one.host == host), None)
    if here is None:
        return reason("copy.not-there")
    if not _answers(host, inventory):
        return reason("copy.unheard")
    if here.state not in VM_DOWN:
        return reason("copy.held" if here.reason is StateReason.MIGRATING else "copy.lives")
    rest = kept_by(vm, host)
    if rest is None:
        return reason("copy.alone")
    if rest.state is VmState.UNKNOWN or not _answers(rest.host, inventory):
        return reason("copy.rest-unheard", host=_name(rest.host, inventory))
    return None


def without_copy(inventory: Inventory, action: RemoveCopy) -> Inventory:
    """Return a pool in which one copy of a VM is forgotten; raise `Conflict` if it may not be."""
    vm = inventory.vm(action.vm)
    against, rest = why_kept(vm, action.host, inventory), kept_by(vm, action.host)
    if against is None and (rest is None or rest.host != action.keeps):
        against = reason("copy.not-that", host=_name(action.keeps, inventory))
    if against is not None or rest is None:
        why = against or reason("copy.alone")
        told = reason("no.remove-copy", vm=vm.name, host=_name(action.host, inventory), why=why)
        raise refuse(Conflict, told, reason("hint.copies", vm=vm.name))
    left = tuple(one for one in vm.copies if one.host not in (action.host, rest.host))
    now = replace(vm, host=rest.host, state=rest.state, reason=rest.reason, copies=left)
    return inventory.with_vm(now)


def _all(vm: Vm) -> tuple[VmCopy, ...]:
    main = () if vm.host is None else (VmCopy(host=vm.host, state=vm.state, reason=vm.reason),)
    return (*main, *vm.copies)


def _answers(host: HostId, inventory: Inventory) -> bool:
    known = inventory.hosts.get(host)
    return known is not None and known.state is HostState.UP


def _name(host: HostId, inventory: Inventory) -> str:
    known = inventory.hosts.get(host)
    return host if known is None else known.name
