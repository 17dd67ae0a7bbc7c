"""VMs that bear the same id: told, and never taken for one."""

from anypool.model import Inventory, Vm, VmId
from anypool.plan import Reason, reason, say
from anypool.store.records import EventRecord, Severity

NAMED = 5


def told(vm: Vm, pool: Inventory) -> EventRecord:
    """Return the event for a VM that was found to share its id with others."""
    why = _why(vm, pool)
    return EventRecord(
        kind="vm.twinned",
        message=say(why),
        said=why,
        severity=Severity.WARNING,
        subject_kind="vm",
        subject_id=vm.id,
    )


def _why(vm: Vm, pool: Inventory) -> Reason:
    others = tuple(_name(key, pool) for key in vm.twins if key != vm.id)
    if others:
        return reason("vm.twin-here", vm=vm.name, others=", ".join(others[:NAMED]))
    places = [vm.host, *(copy.host for copy in vm.copies)]
    known = [pool.hosts[key].name for key in places if key is not None and key in pool.hosts]
    return reason("vm.twin-elsewhere", vm=vm.name, hosts=", ".join(known[:NAMED]))


def _name(key: VmId, pool: Inventory) -> str:
    known = pool.vms.get(key)
    return key if known is None else f"{known.name} ({key})"
