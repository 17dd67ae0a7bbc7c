"""Which VMs ended unseen, and until when that matters: no I/O.

A host that answers again may say that a VM is stopped there which ran when it was last heard.
It may have ended there; or it was moved away meanwhile, and runs where nobody hears it. The
same holds for one that was moved while we listened. It matters until each host that could have
it was read whole, and all of them in one go: then it is nowhere else.
"""

from collections.abc import Iterable, Iterator, Mapping

from msgspec.structs import replace

from anypool.engine.observing.reading import Reading
from anypool.model import (
    VM_ALIVE,
    VM_DOWN,
    EndpointId,
    StateReason,
    Vm,
    VmId,
    VmState,
)
from anypool.model.vm import VM_RUNS
from anypool.planner.ha.astray import could_have

_RAN = VM_ALIVE | {VmState.UNKNOWN}
_STAYS = frozenset({VmState.PAUSED, VmState.UNKNOWN})
"""A copy that is paused now and was so, or was silent, is the one it was: its mark stays."""


class Missed:
    """The VMs that nobody knows any more and that are not given up yet, as they were last known.

    `awaited` are those of them that we are moving, which are looked at with every reading. The
    others wait for a silent endpoint, and are looked at when one answers.
    """

    def __init__(self) -> None:
        self.vms: dict[VmId, Vm] = {}
        self.awaited: set[VmId] = set()

    def miss(self, vm: Vm, *, moving: bool) -> None:
        """Keep one."""
        self.vms[vm.id] = vm
        (self.awaited.add if moving else self.awaited.discard)(vm.id)

    def found(self, vm: VmId) -> None:
        """Keep one no longer; quiet if it was not missed."""
        self.vms.pop(vm, None)
        self.awaited.discard(vm)


class Unseen:
    """The VMs that ended unseen, each with the moment of the reading that said so."""

    def __init__(self) -> None:
        self._since: dict[VmId, int] = {}

    def remember(self, vms: Iterable[Vm]) -> None:
        """Take over what was known before a restart."""
        self._since = {vm.id: 0 for vm in vms if vm.unseen or any(one.unseen for one in vm.copies)}

    def heard(self, said: Vm, before: Vm | None, known: Vm | None, about: tuple[int, bool]) -> Vm:
        """Return what an endpoint says of a VM, marked if it ended unseen.

        `before` is what the endpoint said last, `known` the VM as it is known by all. `about`
        is the moment of the reading, and whether nothing was heard for a while before it.
        """
        moment, after_gap = about
        if said.state is VmState.PAUSED and before is not None and before.state in _STAYS:
            return replace(said, unseen=before.unseen)
        if said.state not in VM_DOWN:
            return said
        if not _ended_unseen(said, before, known, after_gap=after_gap):
            return said
        if before is not None and before.state in _RAN:
            self._since.pop(said.id, None)
        self._since.setdefault(said.id, moment)
        return replace(said, unseen=True)

    def left(
        self,
        before: Vm | None,
        told: int,
        about: tuple[int, bool],
        others: Iterable[Reading | None],
    ) -> None:
        """Mark the other copies of a VM that is gone from where it ran, unless it runs elsewhere.

        `before` is what that endpoint said last, at the moment `told`, `about` as in `heard`,
        `others` are those that know the VM too. One that was silent already when the VM ran here
        only knows where it ran before. One that has it paused, as it was here, may have been
        given it; after a gap it may as well have run on here, and been moved elsewhere.
        """
        moment, after_gap = about
        if before is None or not (before.state in _RAN or before.unseen):
            return
        there = [(one, one.vms[before.id]) for one in others if one and before.id in one.vms]
        if any(one.current and said.state in VM_RUNS for one, said in there):
            return
        for one, said in there:
            paused = said.state is VmState.PAUSED and (
                after_gap or before.state is not VmState.PAUSED
            )
            older = not one.current and one.read_vm_at[before.id] <= told
            if said.state in VM_DOWN or paused or older:
                one.vms[before.id] = replace(said, unseen=True)
                self._since[before.id] = moment

    def is_there(self, said: Vm, others: Iterable[Reading | None]) -> None:
        """Take off all marks of a VM that is seen to run: it is there, wherever it was."""
        if said.state not in VM_RUNS or self._since.pop(said.id, None) is None:
            return
        for one in others:
            if one is not None and one.vms[said.id].unseen:
                one.vms[said.id] = replace(one.vms[said.id], unseen=False)

    def unread(self, vm: Vm, readings: Mapping[EndpointId, Reading]) -> dict[EndpointId, bool]:
        """Return who answers and could have a VM, True for those not asked since its mark."""
        since = self._since.get(vm.id, 0)
        return {
            key: max(one.read_at, one.read_vm_at.get(vm.id, 0)) < since
            for key, one in _reach(vm, readings)
            if one.current
        }

    def over(self, readings: Mapping[EndpointId, Reading]) -> set[VmId]:
        """Return the VMs that are nowhere else, now that all were read; their marks are gone."""
        if not self._since:
            return set()
        found = {vm for vm, since in self._since.items() if _is_over(vm, since, readings)}
        for vm in found:
            del self._since[vm]
            for reading in readings.values():
                if (said := reading.vms.get(vm)) is not None and said.unseen:
                    reading.vms[vm] = replace(said, unseen=False)
        return found


def _ended_unseen(said: Vm, before: Vm | None, known: Vm | None, *, after_gap: bool) -> bool:
    if before is None:
        return known is not None and known.unseen
    if before.state in _RAN and said.state is VmState.CRASHED:
        return False  # it crashed there, and so was there
    if before.state in _RAN:
        return after_gap or said.reason is StateReason.MIGRATED
    return before.unseen


def _is_over(vm: VmId, since: int, readings: Mapping[EndpointId, Reading]) -> bool:
    record = next((one.vms[vm] for one in readings.values() if vm in one.vms), None)
    if record is None:
        return True
    return all(one.current and one.read_at >= since for _, one in _reach(record, readings))


def _reach(vm: Vm, readings: Mapping[EndpointId, Reading]) -> Iterator[tuple[EndpointId, Reading]]:
    """Return who has a host that could have a VM."""
    homes = (one.hosts[vm.host] for one in readings.values() if vm.host in one.hosts)
    home = next(homes, None)
    for key, one in readings.items():
        if any(could_have(vm, host, home) for host in one.hosts.values()):
            yield key, one
