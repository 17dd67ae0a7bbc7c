"""Which orders a plan foresees, written out here once more: nothing of the engine is used."""

from typing import Any, NamedTuple

from sqlalchemy import text

from anypool.drivers import Migration
from anypool.model import HostId, VmId
from anypool.plan import Plan
from anypool.store import Tx

_OF_ONE_VM = {
    "start-vm": ("start_vm",),
    "stop-vm": ("shut_down_vm", "power_off_vm"),
    "restart-vm": ("reboot_vm", "reset_vm"),
    "pause-vm": ("pause_vm",),
    "resume-vm": ("resume_vm",),
    "delete-vm": ("delete_vm", "delete_volume"),
    "reconfigure-vm": ("reconfigure_vm",),
    "rename-vm": ("rename_vm",),
    "create-snapshot": ("create_snapshot",),
    "delete-snapshot": ("delete_snapshot",),
    "forget-copy": ("discard_copy",),
    "remove-copy": ("delete_vm",),
}
_OF_WISH = {"create-vm": "create_vm", "start-after-failure": "adopt_vm"}
_OF_HOST = {
    "fence-host": ("force_off_host",),
    "power-off-host": ("power_off_host", "force_off_host"),
    "power-on-host": ("power_on_host",),
}
_AT_TARGET = ("resume_vm", "discard_copy")
_AT_SOURCE = ("cancel_migration", *_AT_TARGET)


class Deed(NamedTuple):
    """One order: what, of which VM ("" is none), at which host; a migration's target."""

    operation: str
    vm: VmId
    host: HostId
    target: HostId = HostId("")


def deed_of(operation: str, host: HostId, arguments: tuple[Any, ...]) -> Deed:
    """Return an order as it was given to a driver."""
    first = arguments[0] if arguments else ""
    if isinstance(first, Migration):
        target = first.target if operation == "begin_migration" else HostId("")
        return Deed(operation, first.vm, first.source, target)
    if operation in ("create_vm", "adopt_vm"):
        return Deed(operation, first.id, host)
    if operation in ("delete_volume", "mark_datastore") or operation.endswith("_host"):
        return Deed(operation, VmId(""), host)
    return Deed(operation, VmId(str(first)), host)


def deeds_of(plan: Plan) -> frozenset[Deed]:
    """Return every order that carrying out a plan may take."""
    found: set[Deed] = set()
    for step in plan.steps:
        action: Any = step.action
        tag = str(action.__struct_config__.tag)
        if tag == "migrate-vm":
            found.add(Deed("begin_migration", action.vm, action.source, action.target))
            found |= {Deed(name, action.vm, action.source) for name in _AT_SOURCE}
            found |= {Deed(name, action.vm, action.target) for name in _AT_TARGET}
        elif tag in _OF_WISH:
            found.add(Deed(_OF_WISH[tag], action.wish.id, action.host))
        elif tag in _OF_HOST:
            found |= {Deed(name, VmId(""), action.host) for name in _OF_HOST[tag]}
        else:
            for name in _OF_ONE_VM.get(tag, ()):
                vm = VmId("") if name == "delete_volume" else action.vm
                found.add(Deed(name, vm, action.host))
    return frozenset(found)


_EPOCH = text("SELECT epoch FROM lease")


def lease_of(tx: Tx) -> int:
    """Return the epoch that is in the database now, read past all checks."""
    return tx.count(_EPOCH)
