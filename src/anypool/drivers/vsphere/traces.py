"""What we wrote into a vCenter: words in the notes of VMs and in descriptions of snapshots."""

from typing import Any

from pyVmomi import vim

from anypool.drivers.vsphere import notes, properties
from anypool.drivers.vsphere.acting import Acting
from anypool.drivers.vsphere.inventory import plain
from anypool.drivers.vsphere.mirror import Entry
from anypool.errors import Invalid
from anypool.model import Trace, TraceKind


class Traces(Acting):
    """The operations that list what is ours, and take it away."""

    def traces(self) -> tuple[Trace, ...]:
        """List every VM and snapshot that bears our words."""
        self.mirror.refresh()
        seen = self.inventory()
        found: list[Trace] = []
        for moid, entry in seen.of(properties.VM):
            vm, name = seen.who.ids[moid], plain(entry.get("name"))
            if notes.is_ours(entry.get("config.annotation")):
                found.append(Trace(kind=TraceKind.VM, name=name, vm=vm))
            for one in _ours(entry):
                taken = plain(one.name)
                found.append(Trace(kind=TraceKind.SNAPSHOT, name=taken, place=name, vm=vm))
        return tuple(found)

    def erase_trace(self, trace: Trace) -> None:
        """Take our words away and leave all others; quiet if they are not there."""
        if trace.vm is None or trace.kind not in (TraceKind.VM, TraceKind.SNAPSHOT):
            raise Invalid(f"{trace.kind} {trace.name} names no VM")
        now = self.read_now((trace.vm,)).get(trace.vm)
        if now is None:
            return
        moid, entry = now
        if trace.kind is TraceKind.SNAPSHOT:
            for one in _ours(entry):
                if plain(one.name) == trace.name:
                    self._forget(one)
            return
        text = entry.get("config.annotation")
        if not notes.is_ours(text):
            return
        thing = self.session.object(vim.VirtualMachine, moid)
        wish = vim.vm.ConfigSpec(annotation=notes.without(text))
        what = f"forget what we wrote into VM {plain(entry.get('name'))}"
        self.finish(what, lambda _: thing.ReconfigVM_Task(wish))

    def _forget(self, taken: Any) -> None:
        text = notes.without(taken.description)
        self.session.do(
            f"forget what we wrote into snapshot {plain(taken.name)}",
            lambda _: taken.snapshot.RenameSnapshot(taken.name, text),
        )


def _ours(entry: Entry) -> list[Any]:
    waiting = list(getattr(entry.get("snapshot"), "rootSnapshotList", ()) or ())
    found: list[Any] = []
    while waiting:
        one = waiting.pop(0)
        waiting += list(one.childSnapshotList or ())
        if notes.is_ours(one.description):
            found.append(one)
    return found
