"""The stage of one trial: a world, its managers, people's rules, and the trouble that waits."""

import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from anypool.clock import ManualClock
from anypool.drivers import Migration
from anypool.drivers.sim import BmcMood, Shape, World, build_world
from anypool.errors import AnypoolError
from anypool.model import (
    Apart,
    Balance,
    HighAvailability,
    HostId,
    Level,
    Policy,
    PolicyId,
    PowerSaving,
    Rule,
    VmId,
    VmState,
)
from tests import databases
from tests.simulation.trial.oracle import EXECUTES, Oracle, Rules
from tests.simulation.trial.timed_manager import Manager, quick
from tests.simulation.trial.wire import Armed, Hitch, endpoint_of

GUARD = HighAvailability(
    level=Level.AUTOMATIC,
    silent_s=6,
    power_every_s=3,
    cold_s=15,
    fences_within_s=60,
    turn_s=60,
    tries=0,
)
EVEN = Balance(level=Level.AUTOMATIC, threshold_percent=5.0, hold_s=60, cool_down_s=120, at_once=2)
SAVE = PowerSaving(level=Level.AUTOMATIC, hold_s=60, cool_down_s=120, reserve=1, low_percent=60)


databases.copy_new_ones()


class Scene(Shape, frozen=True, kw_only=True):
    """What a trial plays in; drawn from its seed."""

    managers: int = 1
    saves_power: bool = False
    trusts_locks: bool = False


def drawn(seed: int) -> Scene:
    """Return the scene of a seed."""
    chance = random.Random(f"{seed}/scene")
    hosts = chance.randint(3, 6)
    locks = chance.random() < 0.4
    return Scene(
        hosts=hosts,
        vms=chance.randint(hosts, 2 * hosts),
        seed=seed + 1,
        host_mib=chance.choice((16384, 32768, 65536)),
        running_percent=95,
        ours_percent=90,
        snapshot_percent=5,
        local_percent=5,
        locks=locks,
        shareable_percent=0 if locks else 50,
        fill_percent=chance.choice((40, 60, 75)),
        managers=chance.choice((1, 2, 2, 2)),
        saves_power=chance.random() < 0.25,
        trusts_locks=locks and chance.random() < 0.5,
    )


class Stage:
    """Everything of one trial; `url` is the database that all its managers share."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.seed = seed
        self.scene = drawn(seed)
        self.chance = random.Random(f"{seed}/order")
        self.clock = ManualClock()
        self.world: World = build_world(self.scene, clock=self.clock)
        self.settings = quick(str(folder))
        file = folder / "anypool.db"
        self.file = file
        with self.world.turn() as state:
            self.hosts = sorted(HostId(host) for host in state.hosts.rows)
        for host in self.hosts:
            self.world.set_bmc(host, BmcMood.WORKS)
        self.oracle = Oracle(self.world, self.hosts)
        self.armed: list[Armed] = []
        self.later: list[tuple[float, Callable[[], None]]] = []
        self.struck: Counter[str] = Counter()
        self._queued: list[tuple[HostId, Callable[[], object]]] = []
        self.made = 0
        self.meddled: set[VmId] = set()
        self.trace: Callable[[str], None] | None = None
        self._noticed: set[tuple[str, float]] = set()
        self.stall: tuple[float, str] | None = None
        names = "ab"[: self.scene.managers]
        self.managers = [Manager(self, name) for name in names]
        for manager in self.managers:
            manager.boot()
        self.must_run = frozenset(self.where())
        self._furnish()

    def _furnish(self) -> None:
        engine = self.managers[0].engine
        for host in self.hosts:
            engine.add_endpoint(endpoint_of(host), "", "ada")
        apart = self._pair()
        rules: dict[str, tuple[str, Rule]] = {
            "ha": ("pool = default", GUARD),
            "even": ("pool = default", EVEN),
        }
        if len(apart) == 2:
            rules["apart"] = (" or ".join(f'id = "{vm}"' for vm in sorted(apart)), Apart())
        if self.scene.saves_power:
            rules["save"] = ("pool = default", SAVE)
        for name, (scope, rule) in rules.items():
            engine.policies.put(Policy(id=PolicyId(name), scope=scope, rule=rule), "ada", new=True)
        if self.scene.trusts_locks:
            self._trust_locks()
        self.oracle.rules = Rules(guard=GUARD, apart=(apart,) if len(apart) == 2 else ())

    def _pair(self) -> frozenset[VmId]:
        """Return two VMs that never share a host, but not two that start only where they are.

        One may be brought to where the other is stopped, and then nobody can start both.
        """
        runs = sorted(self.where())
        able = [vm for vm in runs[1:] if not (self._is_bound(runs[0]) and self._is_bound(vm))]
        return frozenset((*runs[:1], *able[:1]))

    def _is_bound(self, vm: VmId) -> bool:
        """Return whether a VM can start on one host only."""
        inventory = self.managers[0].engine.inventory
        known = inventory.vms[vm]
        shared = {key for key, one in inventory.datastores.items() if one.shared}
        local = {disk.datastore for disk in known.disks} - shared
        return bool(local or known.snapshots or not known.made_by)

    def _trust_locks(self) -> None:
        from anypool.model import Locking
        from anypool.store.records import DatastoreFacts

        engine = self.managers[0].engine
        for datastore in sorted(engine.inventory.datastores):
            facts = DatastoreFacts(datastore=datastore, locking=Locking.EFFECTIVE)
            engine.set_datastore_facts(facts, "ada")

    def leader(self) -> Manager | None:
        """Return the manager that people reach, None while there is none."""
        return next((one for one in self.managers if one.leads), None)

    def last_leader(self) -> Manager | None:
        """Return the manager that leads, None while it stands still or another believes it does."""
        epoch = self.oracle.epoch
        return next((one for one in self.managers if one.leads and one.epoch == epoch), None)

    def pass_(self, seconds: float) -> None:
        """Let time pass, and everybody do what is due then."""
        self.clock.advance(seconds)
        now = self.clock.monotonic()
        due = [one for one in self.later if one[0] <= now]
        self.later = [one for one in self.later if one[0] > now]
        for _, mend in due:
            mend()
        managers = list(self.managers)
        self.chance.shuffle(managers)
        for manager in managers:
            manager.tick()
            self.oracle.judge(self.managers)

    def after(self, seconds: float, mend: Callable[[], None]) -> None:
        """Do something later."""
        self.later.append((self.clock.monotonic() + seconds, mend))

    def tell(self, what: str) -> None:
        """Write down what happens, where somebody wants to read it."""
        if self.trace is not None:
            self.trace(f"{self.clock.monotonic():9.2f} {what}")

    def count(self, label: str, about: str = "") -> None:
        """Count a fault that struck."""
        self.tell(f"  * {label} {about}")
        self.struck[label] += 1

    def struck_by(self, manager: Manager, label: str) -> None:
        """Count a fault that lasts when it is first felt."""
        key = (f"{manager.name}{label}", manager.database_until)
        if key not in self._noticed:
            self._noticed.add(key)
            self.count(label)

    def strike(self, operation: str, host: HostId) -> Hitch | None:
        """Return and use up what goes wrong with a call, if anything does."""
        for one in self.armed:
            if one.fits(operation, host):
                self.armed.remove(one)
                self.count(one.label, f"{operation} {host}")
                return one.hitch
        return None

    def cut_an_end(self, order: Migration) -> None:
        """Cut one host of a migration off from us, too late for the migration to fail."""
        host = self.chance.choice((order.source, order.target))
        self.after(1.0, lambda: self.world.cut_host(host))
        self.after(self.chance.choice((30.0, 90.0)), lambda: self.world.heal_host(host))

    def stands_still(self, host: HostId) -> bool:
        with self.world.turn() as state:
            return bool(state.host(host).frozen_at)

    def queue(self, host: HostId, order: Callable[[], object]) -> None:
        """Let an order wait in a host that stands still, and be carried out when it goes on."""
        if self.chance.random() < 0.5:
            self._queued.append((host, order))

    def thaw(self, host: HostId) -> None:
        """Let a host go on, with what was ordered meanwhile; one that died has forgotten it."""
        went_on = self.stands_still(host)
        self.world.thaw_host(host)
        mine = [order for place, order in self._queued if place == host]
        self._queued = [one for one in self._queued if one[0] != host]
        for order in mine if went_on else ():
            try:
                order()
            except AnypoolError:
                continue

    def stalls(self, manager: Manager) -> bool:
        """Let a manager stand still as soon as it has a deed in its hands, if that is to be."""
        if not manager.works:
            return True
        if self.stall is None or not manager.engine.leads or not manager.crew.holds_deed:
            return False
        seconds, label = self.stall
        self.stall = None
        manager.still_until = self.clock.monotonic() + seconds
        self.count(label)
        return True

    def guarded(self, what: Callable[[], object]) -> None:
        """Do what a thread of the manager does: it survives what goes wrong in one round."""
        try:
            what()
        except AnypoolError:
            return

    def killed(self, manager: Manager) -> None:
        """Clear up after a process that ended, and start it again some time later."""
        manager.kill()
        self.after(self.chance.choice((0.0, 1.0, 5.0, 30.0)), manager.boot_if_down)

    def where(self) -> dict[VmId, HostId]:
        """Return where each running VM runs."""
        with self.world.turn() as state:
            return {vm: host for vm in state.all_vms() for host in state.running(vm)}

    def copies(self) -> dict[VmId, list[tuple[HostId, VmState]]]:
        """Return every copy of every VM."""
        found = {}
        with self.world.turn() as state:
            for vm in state.all_vms():
                places = [(host, state.copy(host, vm)) for host in state.hosts_of(vm)]
                found[vm] = [(host, copy.vm.state) for host, copy in places if copy is not None]
        return found

    def executing(self, host: HostId) -> list[VmId]:
        """Return what a host has that executes or is paused."""
        with self.world.turn() as state:
            found = ((vm, state.copy(host, vm)) for vm in state.vms_on(host))
            return [vm for vm, copy in found if copy is not None and copy.vm.state in EXECUTES]

    def close(self) -> None:
        for manager in self.managers:
            manager.kill()
