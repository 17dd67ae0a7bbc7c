"""A pool on other hardware: its VMs as one need, its hosts as what is kept, and the mixes."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from msgspec import Struct

from anypool.model import (
    HOURS,
    Apart,
    Automation,
    Balance,
    Exclusive,
    Failover,
    HighAvailability,
    Host,
    HostId,
    HostState,
    Inventory,
    Pinned,
    PowerSaving,
    Protected,
    Restart,
    Strength,
    Vm,
)
from anypool.model.policy import Replenish
from anypool.plan import Reason, reason
from anypool.planner.balance import Masks
from anypool.planner.fewest.energy import Energy
from anypool.planner.fewest.hardware import (
    Kept,
    Mix,
    Need,
    Packer,
    Server,
    payback_years,
    year_of,
)
from anypool.planner.fewest.problem import Loads, Wish, loads_of
from anypool.planner.fewest.search import search
from anypool.planner.place import pinned
from anypool.planner.rebalance import Weights, numbers_of
from anypool.planner.rebalance.numbers import groups_of
from anypool.planner.rebalance.suits import allowed

NAMED = 20
"""VMs and hosts that are named in a note."""

_ELSEWHERE = (
    Automation,
    Balance,
    Failover,
    HighAvailability,
    Pinned,
    PowerSaving,
    Protected,
    Replenish,
    Restart,
)
"""Rules that say nothing about which server a VM may be on."""


class Variant(Struct, frozen=True, kw_only=True):
    """One way to carry the pool: what it is called, the servers, when it has paid for itself."""

    name: Reason | str
    mix: Mix
    payback_y: float | None = None


class Compared(Struct, frozen=True, kw_only=True):
    """All ways, the first of them as it is now, and what is to be known of them."""

    variants: tuple[Variant, ...]
    notes: tuple[Reason, ...]
    names: tuple[str, ...]


def compare(
    inventory: Inventory,
    wish: Wish,
    servers: Sequence[Server],
    gone: frozenset[HostId],
    stop: Callable[[], bool],
) -> Compared:
    """Return how the VMs of a wish's hosts could be carried, without the hosts that are `gone`.

    Each kind of server is tried alone, and all together with the cheapest first. A need that no
    server takes is said, not refused.
    """
    scene = _Scene(inventory, wish)
    now = year_of(scene.kept, scene.homes, scene.need, wish.tariff)
    fewest = _fewest(scene, stop)
    variants = [_as_it_is(scene, now, survives=fewest.mix.survives), fewest]
    stay = [one for one in scene.kept if one.host not in gone]
    packer = Packer(scene.need, stay, wish.tariff, wish.failures)
    if gone and not servers:
        variants.append(Variant(name=reason("hardware.kept"), mix=packer.mix(())))
    for server in servers:
        variants.append(Variant(name=server.name, mix=packer.mix((server,))))
    if len(servers) > 1:
        variants.append(Variant(name=reason("hardware.mixed"), mix=packer.cheapest(servers)))
    paid = (
        Variant(name=one.name, mix=one.mix, payback_y=payback_years(one.mix, now))
        for one in variants
    )
    return Compared(
        variants=tuple(paid),
        notes=tuple(scene.notes(gone)),
        names=tuple(vm.name for vm in scene.vms),
    )


def _as_it_is(scene: "_Scene", now: Energy | None, *, survives: bool) -> Variant:
    """Return the hosts that are open now, whether or not anything runs there."""
    mix = Mix(kept=tuple(one.host for one in scene.kept), bought=(), energy=now, survives=survives)
    return Variant(name=reason("hardware.as-it-is"), mix=mix)


def _fewest(scene: "_Scene", stop: Callable[[], bool]) -> Variant:
    """Return the hosts that are needed if as many as possible are emptied."""
    found = search(scene.inventory, scene.wish, stop)
    hosts, vms = found.problem.hosts, found.problem.vms
    empty = {hosts[row] for row in found.empty}
    moved = {vms[row]: hosts[int(home)] for row, home in enumerate(found.placed)}
    homes = [moved.get(vm.id, home) for vm, home in zip(scene.vms, scene.homes, strict=True)]
    needed = [one for one in scene.kept if one.host not in empty]
    mix = Mix(
        kept=tuple(one.host for one in needed),
        bought=(),
        bound=found.bound,
        survives=found.survives,
        energy=year_of(needed, homes, scene.need, scene.wish.tariff),
    )
    return Variant(name=reason("hardware.fewest"), mix=mix)


class _Scene:
    """The VMs that hold memory on the hosts of a wish, and its open hosts."""

    def __init__(self, inventory: Inventory, wish: Wish) -> None:
        self.inventory = inventory
        self.wish = wish
        hosts = [inventory.hosts[key] for key in sorted(wish.hosts & inventory.hosts.keys())]
        self.vms = [vm for host in hosts for vm in inventory.holding(host.id)]
        self.homes = [vm.host or HostId("") for vm in self.vms]
        self.loads: Loads = loads_of(self.vms, wish.curves, wish.least_hours)
        musts = [bound for bound in wish.rules.bounds if bound.strength is Strength.MUST]
        rows = {vm.id: row for row, vm in enumerate(self.vms)}
        self._apart = groups_of(musts, self.vms, rows)[0]
        may = allowed(inventory, hosts, self.vms, musts)
        if may is None:
            may = np.ones((len(self.vms), len(hosts)), dtype=np.bool_)
        open_ = [at for at, host in enumerate(hosts) if _open(host)]
        self.kept = self._kept([(hosts[at], may[:, at]) for at in open_])
        groups = np.zeros((len(self.vms), len(self._apart)))
        for column, group in enumerate(self._apart):
            groups[list(group), column] = 1
        memory = np.array([float(vm.memory_mib) for vm in self.vms]).reshape(-1, 1)
        self.need = Need(
            take=np.hstack([memory, self.loads.high, groups]),
            mean=self.loads.mean,
            headroom_percent=wish.headroom_percent,
        )

    def _kept(self, hosts: list[tuple[Host, Masks]]) -> list[Kept]:
        wish = self.wish
        found = numbers_of(self.inventory, wish.hosts, wish.rules, {}, Weights())
        memory = dict(zip(found.hosts, found.problem.room[:2].min(axis=0).tolist(), strict=True))
        kept = []
        for host, may in hosts:
            cpus = 100.0 * max(1, host.cpus)
            busy = [cpus * (1 - wish.headroom_percent / 100)] * HOURS
            room = np.array([memory[host.id], *busy, *[1.0] * len(self._apart)])
            held = tuple(
                row
                for row, vm in enumerate(self.vms)
                if self.homes[row] == host.id and self._stays(vm)
            )
            watts = wish.watts.get(host.id)
            kept.append(Kept(host=host.id, room=room, cpus=cpus, may=may, watts=watts, held=held))
        return kept

    def _stays(self, vm: Vm) -> bool:
        """Return whether a VM cannot leave its host while it runs."""
        if pinned(self.inventory, vm) is not None or self.wish.rules.pinned(vm.id) is not None:
            return True
        stores = (self.inventory.datastores.get(d.datastore) for d in vm.disks if d.datastore)
        return any(disk.datastore is None for disk in vm.disks) or any(
            store is not None and not store.shared for store in stores
        )

    def notes(self, gone: frozenset[HostId]) -> Iterator[Reason]:
        """Yield what is to be known of every variant."""
        rules = sorted(
            str(bound.policy)
            for bound in self.wish.rules.bounds
            if not isinstance(bound.rule, _ELSEWHERE) and not _answered(bound.rule)
        )
        if rules:
            yield reason("hardware.rules", policies=tuple(rules))
        going = zip(self.vms, self.homes, strict=True)
        stuck = [vm.name for vm, home in going if home in gone and self._stays(vm)]
        if stuck:
            yield reason("hardware.stuck", count=len(stuck), vms=_few(stuck))
        unknown = [self.inventory.hosts[k.host].name for k in self.kept if k.watts is None]
        if unknown:
            yield reason("hardware.no-watts", count=len(unknown), hosts=_few(unknown))
        if not self.wish.tariff.price:
            yield reason("hardware.no-price")
        if self.loads.unmeasured:
            names = [self.vms[row].name for row in self.loads.unmeasured]
            least = self.wish.least_hours
            yield reason("consolidate.unmeasured", count=len(names), vms=_few(names), least=least)
        if self.loads.partly:
            yield reason("consolidate.partly", count=self.loads.partly)


def _answered(rule: object) -> bool:
    """Return whether the columns of a need hold a rule."""
    if isinstance(rule, Apart):
        return rule.domain == "host"
    return isinstance(rule, Exclusive)


def _open(host: Host) -> bool:
    return host.state is HostState.UP and not host.maintenance


def _few(names: list[str]) -> tuple[str, ...]:
    return (*names[:NAMED], "...") if len(names) > NAMED else tuple(names)
