"""VMs that are ill on hosts that are well: found here, judged in `planner.ha.mend`, then mended.

What a datastore held that a host lost is remembered from the last inventory in which the host
had it: one that lost it does not tell any more on which datastore its disks are.
"""

from collections.abc import Iterator, Mapping
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from anypool.engine.engine import Engine
from anypool.engine.ha.agents import Agents, moves
from anypool.engine.ha.begin import Begin
from anypool.engine.ha.charges import Charges
from anypool.engine.ha.rounds import Round
from anypool.engine.ha.wanted import rest_s
from anypool.engine.observing.services import found, own_probes
from anypool.model import (
    DatastoreId,
    Disk,
    HostId,
    HostState,
    Inventory,
    StateReason,
    Vm,
    VmId,
    VmState,
)
from anypool.plan import Reason
from anypool.planner.failover.left import unfit
from anypool.planner.ha.mend import (
    Ill,
    Mend,
    Reset,
    Resume,
    TakeAway,
    Trouble,
    Wait,
    ails,
    mend,
    plan_mending,
)
from anypool.planner.place import Wanted, choose

HOUR_S = 3600.0
Deed = Resume | TakeAway | Reset


class Lost(Struct, frozen=True):
    """A datastore that a host lost, since when, and the disks of VMs that had some on it."""

    since: float
    name: str
    disks: Mapping[VmId, tuple[Disk, ...]]


class Patients:
    """What is remembered of ill VMs from look to look; used by one thread at a time.

    `any` says whether there was one at the last look.
    """

    def __init__(self, engine: Engine, charges: Charges, begin: Begin) -> None:
        self._engine = engine
        self.agents = Agents(engine)
        self._charges = charges
        self._begin = begin
        self.forget()

    def forget(self) -> None:
        """Know nothing of before."""
        self._before: Inventory | None = None
        self._lost: dict[tuple[HostId, DatastoreId], Lost] = {}
        self._paused: tuple[Vm, ...] = ()
        self._since: dict[tuple[VmId, Trouble], float] = {}
        self._seen: set[tuple[VmId, Trouble]] = set()
        self.any = False
        self._resets: dict[VmId, tuple[float, ...]] = {}
        self.agents.forget()

    def look(self, inventory: Inventory, now: float) -> None:
        """Take note of datastores that hosts have lost, and of VMs that are paused by an error."""
        self._since = {key: since for key, since in self._since.items() if key in self._seen}
        self.any, self._seen = bool(self._seen), set()
        before, self._before = self._before, inventory
        if before is inventory:
            return
        known = (inventory.vms.get(one.vm) for one in self._charges.all())
        self._paused = tuple(vm for vm in known if vm is not None and _is_paused(vm))
        if before is not None:
            self._look_for_lost(before, inventory, now)

    def _look_for_lost(self, before: Inventory, inventory: Inventory, now: float) -> None:
        for key, host in inventory.hosts.items():
            old = before.hosts.get(key)
            if old is None or old.datastores == host.datastores or host.state is not HostState.UP:
                continue
            for store in old.datastores - host.datastores:
                if (key, store) not in self._lost and store in before.datastores:
                    self._lost[(key, store)] = _lost(before, key, store, now)
        for key, store in tuple(self._lost):
            there = inventory.hosts.get(key)
            if there is None or store in there.datastores:
                del self._lost[(key, store)]

    def as_they_were(self, inventory: Inventory) -> Inventory:
        """Return a pool in which VMs have their disks also where their host lost them."""
        changes: dict[VmId, Vm | None] = {}
        for (host, _), lost in self._lost.items():
            for vm, disks in lost.disks.items():
                known = inventory.vms.get(vm)
                if known is not None and known.host == host and known.disks != disks:
                    changes[vm] = replace(known, disks=disks)
        return inventory.patched_vms(changes) if changes else inventory

    def mend(self, round_: Round, now: float) -> dict[VmId, Reason]:
        """Begin what is decided about the ill VMs of a policy; return what is thought of each."""
        told: dict[VmId, Reason] = {}
        taken: set[VmId] = set()
        deeds: dict[type[Mend], list[tuple[Ill, Deed]]] = {}
        for ill in self._ills(round_, now):
            self._seen.add((ill.vm, ill.trouble))
            deed = mend(ill, round_.rule, now, partial(self._no_place, ill.vm, round_))
            if ill.trouble is Trouble.MUTE:
                self.agents.think(ill.vm, deed.why)
            if ails(deed.why):
                told.setdefault(ill.vm, deed.why)
            taken |= {ill.vm} if isinstance(deed, TakeAway) else set()
            if not isinstance(deed, Wait) and ill.vm not in round_.under_way.vms:
                deeds.setdefault(type(deed), []).append((ill, deed))
        self._charges.taking(taken, round_.hosts, round_.under_way.vms)
        for some in deeds.values():
            plan = plan_mending(round_.inventory, some)
            also = partial(self._begun, some, now)
            self._begin.offer(round_.policy, plan, round_.inventory, round_.rules, also)
        return told

    def _begun(self, some: list[tuple[Ill, Deed]], now: float) -> None:
        """Count what is about to be done; what is taken away counts when it starts."""
        resumed = [ill.vm for ill, deed in some if isinstance(deed, Resume)]
        self._charges.tried(resumed, now)
        for ill, deed in some:
            if isinstance(deed, Reset):
                self._resets[ill.vm] = (*self._lately(ill.vm, now), now)
                self.agents.begun(ill.vm)

    def _ills(self, round_: Round, now: float) -> Iterator[Ill]:
        """Yield each ill VM once, by the worst that ails it."""
        ill: set[VmId] = set()
        for one in (
            *self._without_store(round_),
            *self._paused_here(round_, now),
            *self._silent(round_, now),
            *self._mute(round_, now),
        ):
            if one.vm not in ill:
                ill.add(one.vm)
                yield one

    def _without_store(self, round_: Round) -> Iterator[Ill]:
        inventory = round_.inventory
        for (host, store), lost in self._lost.items():
            if host not in round_.hosts or inventory.hosts[host].state is not HostState.UP:
                continue
            there = any(
                store in other.datastores and other.state is HostState.UP
                for key, other in inventory.hosts.items()
                if key != host
            )
            for vm in lost.disks:
                if self._is_mine(vm, host, inventory):
                    yield Ill(
                        vm=vm,
                        host=host,
                        trouble=Trouble.STORE,
                        since=lost.since,
                        about=lost.name,
                        seen_there=there,
                    )

    def _paused_here(self, round_: Round, now: float) -> Iterator[Ill]:
        for vm in self._paused:
            charge = self._charges.get(vm.id)
            if charge is None or vm.host is None or vm.host not in round_.hosts:
                continue
            if round_.inventory.hosts[vm.host].state is not HostState.UP or vm.copies:
                continue
            yield Ill(
                vm=vm.id,
                host=vm.host,
                trouble=Trouble.PAUSED,
                since=self._since.setdefault((vm.id, Trouble.PAUSED), now),
                tries=charge.tries,
                rest_s=rest_s(charge, self._charges.failed(vm.id), now),
            )

    def _silent(self, round_: Round, now: float) -> Iterator[Ill]:
        """Yield VMs whose guest answered once since it was started or reset, and does no more."""
        if not round_.rule.guest_silent_s:
            return
        asked = tuple(own_probes(self._engine.services.all()))
        vms = found(frozenset(name for _, _, name in asked), round_.inventory)
        mine = [
            (record, self._engine.healths.silence(service, component, name))
            for service, component, name in asked
            if (record := vms.get(name)) is not None
            and record.host in round_.hosts
            and record.state is VmState.RUNNING
            and not record.copies
        ]
        silent = [(vm, for_s) for vm, for_s in mine if for_s]
        alone = len(silent) == 1 or 100 * len(silent) <= round_.rule.dark_percent * len(mine)
        for vm, for_s in silent:
            assert vm.host is not None
            assert for_s is not None
            lately = self._lately(vm.id, now)
            if self._charges.get(vm.id) is None or (lately and now - for_s < lately[-1]):
                continue
            yield Ill(
                vm=vm.id,
                host=vm.host,
                trouble=Trouble.SILENT,
                since=now - for_s,
                resets=len(lately),
                busy=self._is_busy(vm.id),
                alone=alone,
            )

    def _mute(self, round_: Round, now: float) -> Iterator[Ill]:
        """Yield VMs whose agent answered once since they were started or reset, and does no more.

        What is known is as old as the last question: in the time since then nobody was silent.
        """
        heard = [
            (vm, sight)
            for vm in self.agents.judged(round_, now)
            if (sight := self.agents.of(vm.id)).heard and self._charges.get(vm.id) is not None
        ]
        silent = [(vm, sight) for vm, sight in heard if sight.silent_since]
        alone = len(silent) == 1 or 100 * len(silent) <= round_.rule.dark_percent * len(heard)
        answering = self._answering(round_) if silent else frozenset()
        for vm, sight in silent:
            assert vm.host is not None
            yield Ill(
                vm=vm.id,
                host=vm.host,
                trouble=Trouble.MUTE,
                since=now - sight.silent_s,
                resets=len(self._lately(vm.id, now)),
                still_s=self.agents.still_s(vm.id, now),
                alone=alone,
                probed=vm.id in answering,
            )

    def _answering(self, round_: Round) -> frozenset[VmId]:
        """Return the VMs whose guests answer their own probes."""
        asked = tuple(own_probes(self._engine.services.all()))
        vms = found(frozenset(name for _, _, name in asked), round_.inventory)
        return frozenset(
            vms[name].id
            for service, component, name in asked
            if name in vms and self._engine.healths.silence(service, component, name) == 0
        )

    def _lately(self, vm: VmId, now: float) -> tuple[float, ...]:
        """Return when a guest was reset within the last hour."""
        return tuple(at for at in self._resets.get(vm, ()) if now - at < HOUR_S)

    def _is_mine(self, vm: VmId, host: HostId, inventory: Inventory) -> bool:
        """Return whether a VM is a charge that is on a host and nowhere else."""
        known = inventory.vms.get(vm)
        if known is None or known.host != host or known.copies or self._charges.get(vm) is None:
            return False
        return known.state in (VmState.RUNNING, VmState.PAUSED)

    @staticmethod
    def _no_place(key: VmId, round_: Round) -> Reason | None:
        """Return why a VM could not start on another host, None if it could."""
        vm = round_.inventory.vms[key]
        if (why := unfit(vm)) is not None:
            return why
        assert vm.host is not None
        place = Wanted(rules=round_.rules, avoid=frozenset({vm.host}))
        made = choose(round_.inventory, replace(vm, state=VmState.STOPPED), place)
        return made.refused[0].why if made.host is None and made.refused else None

    def _is_busy(self, vm: VmId) -> bool:
        """Return whether a VM reads or writes its disks, or sends; False where nobody measures."""
        load = self._engine.loads().get(vm)
        return load is not None and moves(load)


def _is_paused(vm: Vm) -> bool:
    return vm.state is VmState.PAUSED and vm.reason is StateReason.IO_ERROR


def _lost(before: Inventory, host: HostId, store: DatastoreId, now: float) -> Lost:
    """Return what a host had on a datastore before it lost it."""
    disks = {
        vm.id: vm.disks
        for vm in before.vms_on(host)
        if any(disk.datastore == store for disk in vm.disks)
    }
    return Lost(since=now, name=before.datastores[store].name, disks=disks)
