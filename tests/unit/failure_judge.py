"""Plan again after a failure, the slow way: every VM, every host, every rule, from the records.

It shares no code with `anypool.planner`: what is promised about restarts is written here a
second time, so that a mistake there is seen.
"""

from collections.abc import Iterable
from typing import NamedTuple

from anypool.model import (
    Apart,
    Bound,
    Exclusive,
    Headroom,
    Host,
    Inventory,
    Licence,
    MaxVms,
    OnHosts,
    Pinned,
    Restart,
    Service,
    Spread,
    Together,
    Vm,
)

LEVELS = ["highest", "high", "medium", "low", "lowest", "disabled"]
HOLDS = ("running", "paused", "suspended", "unknown")
START_MS, SLOTS = 500, 8


class Verdict(NamedTuple):
    """Where a VM restarts, or None; then what forbids it, and the memory that is missing."""

    host: str | None
    code: str = ""
    short: int = 0
    starts_ms: int = 0


class Judge:
    """A pool with its rules and services, and what a failure would do to it."""

    def __init__(
        self, pool: Inventory, bounds: Iterable[Bound] = (), services: Iterable[Service] = ()
    ) -> None:
        self.pool = pool
        self.bounds = list(bounds)
        self.hosts: dict[str, Host] = {h.id: h for h in pool.hosts.values()}
        self.vms: dict[str, Vm] = {v.id: v for v in pool.vms.values()}
        self.groups: dict[str, list[set[str]]] = {}
        self.delay: dict[str, int] = {}
        ids = {v.name: str(v.id) for v in pool.vms.values()}
        for service in services:
            members = {c.name: {ids[n] for n in service.members(c)} for c in service.components}
            for c in service.components:
                for vm in members[c.name]:
                    self.groups.setdefault(vm, []).extend(members[one] for one in c.after)
                    wait = {"running": 0.0, "delay": c.ready.delay_s, "probe": c.ready.delay_s}
                    slow = c.ready.when != "running"
                    self.delay[vm] = round(1000 * max(slow, wait[c.ready.when]))
        self.level = {key: self._priority(key) for key in self.vms}
        self.depth = dict.fromkeys(self.vms, 0)
        for _ in self.vms:
            for key, groups in self.groups.items():
                for other in (o for group in groups for o in group):
                    self.depth[key] = max(self.depth[key], self.depth[other] + 1)
                    if self.level[key] < 5 and self.level[other] < 5:
                        self.level[other] = min(self.level[other], self.level[key])

    def _priority(self, vm: str) -> int:
        named = [
            LEVELS.index(b.rule.priority)
            for b in self.bounds
            if isinstance(b.rule, Restart) and vm in b.vms
        ]
        return 5 if 5 in named else min(named, default=2)

    def after(self, dead: set[str]) -> dict[str, Verdict]:
        """Return what becomes of every VM that runs on hosts that die."""
        stopped = [v for v in self.vms.values() if v.host in dead and v.state in HOLDS]
        stopped.sort(key=self._turn)
        spread, stuck = self._try(stopped, dead, tight=False)
        if stuck:
            packed, _ = self._try(stopped, dead, tight=True)
            if self._lost(packed) < self._lost(spread):
                spread = packed
        return self._with_times(stopped, spread)

    def _turn(self, vm: Vm) -> tuple[bool, int, int, int, str]:
        level = self.level[vm.id]
        return level < 5, level, self.depth[vm.id], -vm.memory_mib, vm.id

    def _lost(self, verdicts: dict[str, Verdict]) -> list[int]:
        lost = [0] * 6
        for vm, verdict in verdicts.items():
            lost[self.level[vm]] += verdict.host is None
        return lost

    def _try(
        self, stopped: list[Vm], dead: set[str], *, tight: bool
    ) -> tuple[dict[str, Verdict], bool]:
        self.homes = {
            v.id: str(v.host)
            for v in self.vms.values()
            if v.host in self.hosts and v.host not in dead and v.state in HOLDS
        }
        self.up = [h for h in sorted(self.hosts) if h not in dead and self.hosts[h].state == "up"]
        ring, last = sorted(self.hosts), min(dead)
        verdicts: dict[str, Verdict] = {}
        stuck = False
        for vm in stopped:
            code = self._kept_down(vm, dead, stopped, verdicts) or self._static(vm)
            if code:
                verdicts[vm.id] = Verdict(None, code)
                continue
            able = [h for h in self.up if self._could(vm, self.hosts[h])]
            room = [h for h in able if self._left(h) >= vm.memory_mib]
            roomy = {
                h for h in room if self._left(h) - vm.memory_mib >= self.hosts[h].memory_mib // 8
            }

            def turn(h: str, last: str = last, roomy: set[str] = roomy) -> tuple[int, int]:
                if tight:
                    return 0, self._left(h)
                at = (ring.index(h) - ring.index(last) - 1) % len(ring)
                return (0, at) if h in roomy else (1, -self._left(h))

            room.sort(key=lambda h: (*turn(h), h))
            legal = [h for h in room if not self._broken(vm, h, "must")]
            if legal:
                fewest = min(self._missed(vm, h) for h in legal)
                host = next(h for h in legal if self._missed(vm, h) == fewest)
                if host in roomy:
                    last = host
                verdicts[vm.id] = Verdict(host)
                self.homes[vm.id] = host
                continue
            stuck = True
            widest = min(able, key=lambda h: (-self._left(h), h))
            if not room:
                short = vm.memory_mib - self._left(widest)
                verdicts[vm.id] = Verdict(None, "host.memory", short)
            else:
                verdicts[vm.id] = Verdict(None, "rule", 0)
        return verdicts, stuck

    def _kept_down(
        self, vm: Vm, dead: set[str], stopped: list[Vm], verdicts: dict[str, Verdict]
    ) -> str:
        if self.level[vm.id] == 5:
            return "fail.disabled"
        if vm.reason in ("incoming", "migrating"):
            return "vm.in-motion"
        if any(copy.host not in dead and not self._is_off(copy.host) for copy in vm.copies):
            return "vm.copies"
        ids = {v.id for v in stopped}
        for group in self.groups.get(vm.id, []):
            gone = [o for o in group & ids if o in verdicts and verdicts[o].host is None]
            alive = [o for o in group - ids if self.vms[o].state in HOLDS]
            if group & ids and len(gone) == len(group & ids) and not alive:
                return "fail.needs"
        return ""

    def _is_off(self, host: str) -> bool:
        return host in self.hosts and self.hosts[host].state == "off"

    def _static(self, vm: Vm) -> str:
        """Return the first need that nobody living meets, each asked of those left by the last."""
        source, left = self.hosts[str(vm.host)], [self.hosts[h] for h in self.up]
        if not left:
            return "fail.nobody"
        left = [h for h in left if h.pool == source.pool]
        if not left:
            return "fail.pool"
        for disk in vm.disks:
            left = [h for h in left if disk.datastore and disk.datastore in h.datastores]
            if not left:
                if disk.datastore is None:
                    return "host.private-disk"
                shared = self.pool.datastores[disk.datastore].shared
                return "host.datastore" if shared else "host.local-disk"
        for nic in vm.nics:
            left = [h for h in left if nic.network is None or nic.network in h.networks]
            if not left:
                return "host.network"
        for code, test in (
            ("host.platform", lambda h: h.platform == source.platform),
            ("host.arch", lambda h: h.arch == source.arch),
            ("host.cpu-model", lambda h: self._offers(vm, h)),
            ("host.full", lambda h: h.cpus >= vm.vcpus),
            ("is.maintenance", lambda h: not h.maintenance),
            ("host.observe-only", lambda h: source.observe_only or not h.observe_only),
        ):
            left = [h for h in left if test(h)]
            if not left:
                return code
        return ""

    def _offers(self, vm: Vm, host: Host) -> bool:
        return not vm.cpu_model or not host.cpu_models or vm.cpu_model in host.cpu_models

    def _could(self, vm: Vm, host: Host) -> bool:
        source = self.hosts[str(vm.host)]
        return (
            all(disk.datastore in host.datastores for disk in vm.disks)
            and all(nic.network is None or nic.network in host.networks for nic in vm.nics)
            and (host.pool, host.arch) == (source.pool, source.arch)
            and self._offers(vm, host)
            and host.cpus >= vm.vcpus
            and not host.maintenance
            and (source.observe_only or not host.observe_only)
        )

    def _there(self, host: str) -> list[Vm]:
        return [self.vms[vm] for vm, home in self.homes.items() if home == host]

    def _left(self, host: str) -> int:
        record = self.hosts[host]
        return (
            record.memory_mib - record.reserved_mib - sum(v.memory_mib for v in self._there(host))
        )

    def _missed(self, vm: Vm, host: str) -> int:
        """Count preferences: those that are rules, and a licensed host that is in use already."""
        missed = len(self._broken(vm, host, "should"))
        for bound in self.bounds:
            if isinstance(bound.rule, Licence) and bound.rule.sockets and vm.id in bound.vms:
                used = {h for o, h in self.homes.items() if o in bound.vms and o != vm.id}
                missed += bool(bound.rule.pack and used and host not in used)
        return missed

    def _broken(self, vm: Vm, host: str, strength: str) -> list[Bound]:
        return [b for b in self.bounds if b.strength == strength and not self._keeps(b, vm, host)]

    def _places(self, kind: str, host: str) -> set[str]:
        tags = {t for t in self.hosts[host].tags if t.startswith(kind + ":")}
        return {host} if kind == "host" else tags or {"alone " + host}

    def _keeps(self, bound: Bound, vm: Vm, host: str) -> bool:
        if vm.id not in bound.vms and not isinstance(bound.rule, MaxVms | Headroom):
            return True
        others = [h for o, h in self.homes.items() if o in bound.vms and o != vm.id]
        match bound.rule:
            case Apart(domain=kind):
                return not any(self._places(kind, host) & self._places(kind, h) for h in others)
            case Together(domain=kind):
                return all(self._places(kind, host) & self._places(kind, h) for h in others)
            case Spread(domain=kind, minimum=least):
                reached = set().union(*(self._places(kind, h) for h in (host, *others)))
                return len(reached) >= min(least, len(others) + 1)
            case Exclusive(prefix=prefix):
                mine = {t for t in vm.tags if t.startswith(prefix)}
                return not any(mine & v.tags for v in self._there(host) if v.id in bound.vms)
            case OnHosts(avoid=avoid):
                return (host in bound.hosts) != avoid
            case Licence(sockets=limit):
                paid = sum(self.hosts[h].sockets for h in {host, *others})
                return host in bound.hosts and (not limit or host in others or paid <= limit)
            case Pinned():
                return host == vm.host
            case _:
                return self._keeps_host(bound, vm, host)

    def _keeps_host(self, bound: Bound, vm: Vm, host: str) -> bool:
        if host not in bound.hosts:
            return True
        record, there = self.hosts[host], self._there(host)
        match bound.rule:
            case MaxVms(maximum=most):
                return len(there) < most
            case Headroom(memory_percent=memory, vcpus_percent=cpus):
                left = self._left(host) - vm.memory_mib
                promised = sum(v.vcpus for v in there) + vm.vcpus
                enough = left >= record.memory_mib * memory // 100
                return enough and (not cpus or promised * 100 <= record.cpus * cpus)
            case _:
                return True

    def _with_times(self, stopped: list[Vm], found: dict[str, Verdict]) -> dict[str, Verdict]:
        slots, ready = [0] * SLOTS, dict[str, int]()
        for vm in stopped:
            if found[vm.id].host is None:
                continue
            before = [t for o, t in ready.items() if self.level[o] < self.level[vm.id]]
            before += [ready[o] for g in self.groups.get(vm.id, []) for o in g if o in ready]
            slots.sort()
            begin = max([slots[0], *before])
            slots[0] = begin + START_MS
            ready[vm.id] = slots[0] + self.delay.get(vm.id, 0)
            found[vm.id] = found[vm.id]._replace(starts_ms=begin)
        return found
