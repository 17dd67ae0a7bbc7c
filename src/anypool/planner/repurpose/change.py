"""One change: from what servers are to what they are to be, in an order that loses nothing.

Services that are not wanted any more stop first, in their order. A hypervisor that is needed is
emptied; a server is switched off and seen off; only then its profile leaves it, and another comes.
Hypervisors that nothing needs any more are opened again and get their VMs back; what is to run
then starts at the end.
"""

from msgspec import Struct
from msgspec.structs import replace

from anypool.errors import AnypoolError
from anypool.model import (
    HostId,
    Inventory,
    Power,
    ProfileId,
    Server,
    ServerId,
    VmId,
    VmState,
)
from anypool.plan import (
    Plan,
    PowerOffServer,
    PowerOnServer,
    Reason,
    Refusal,
    digest,
    outcome,
    plain,
    reason,
    say,
    why_of,
)
from anypool.plan.servereffect import bearing
from anypool.planner.evacuate import no_plan
from anypool.planner.profiles.steps import Steps, bring, leaving, withdrawal
from anypool.planner.repurpose.aim import Aim, Hosted, without_strangers
from anypool.planner.repurpose.drain import (
    Back,
    Drained,
    appended,
    drained,
    is_up_then,
    opened,
)
from anypool.planner.repurpose.match import Barred, Matched, held, matched
from anypool.planner.rules import NO_RULES, Rulebook
from anypool.planner.serve import plan_service_start, plan_service_stop

_ALIVE = frozenset({VmState.RUNNING, VmState.PAUSED})


class Missing(Struct, frozen=True, kw_only=True):
    """A profile or service that a change does not bring to where it is wanted, by name, and why."""

    name: str
    why: Reason


class Change(Struct, frozen=True, kw_only=True):
    """A plan, perhaps without steps, and what of the aim it does not reach."""

    plan: Plan
    missing: tuple[Missing, ...] = ()


def plan_repurpose(inventory: Inventory, aim: Aim, rules: Rulebook = NO_RULES) -> Plan:
    """Return the steps that make servers what they are to be; none where they are.

    Raise `NoPlan` where something is wanted and nothing of it can be done.
    """
    found = changed(inventory, aim, rules)
    if not found.plan.steps and found.missing:
        names = tuple(one.name for one in found.missing)
        told = reason("no.repurpose", calendar=aim.name, purpose=aim.purpose, missing=names)
        against = [(plain(one.name), one.why) for one in found.missing]
        raise no_plan(told, reason("hint.repurpose", calendar=aim.name), against)
    return found.plan


def changed(inventory: Inventory, aim: Aim, rules: Rulebook = NO_RULES) -> Change:
    """Return the change to what servers are to be, and what cannot be reached."""
    return _Draft(inventory, without_strangers(aim, inventory), rules).change()


class _Draft:
    """The steps so far, the pool after them, and what could not be done."""

    def __init__(self, inventory: Inventory, aim: Aim, rules: Rulebook) -> None:
        self._inventory = inventory
        self._aim = aim
        self._rules = rules
        self._steps = Steps()
        self._world = inventory
        self._missing: list[Missing] = []
        self._rejected: list[Refusal] = []
        self._free: dict[ServerId, int] = {}
        self._opened: dict[HostId, int] = {}

    def change(self) -> Change:
        """Return all of it."""
        gate = self._stop()
        found, emptied = self._settled()
        self._drain(emptied, gate)
        for key, server in sorted(found.leaves.items()):
            self._leave(key, server, gate)
        for key, server in found.comes.items():
            self._come(key, server, found.others[key], gate)
        if self._aim.hosts:
            self._wake(gate)
        back = Back(self._world, self._rules)
        back.fill(self._steps, self._opened, self._aim.memory.away)
        self._world = back.world
        self._rejected += back.refused
        self._start(gate)
        return Change(plan=self._plan(), missing=tuple(self._missing))

    def _settled(self) -> tuple[Matched, Drained]:
        """Return who goes where once every server that has to be emptied can be."""
        barred: Barred = {}
        while True:
            found = matched(self._world, self._aim, barred)
            barred |= self._immovable(found)
            if any(server in barred for server in found.leaves.values()):
                continue
            keys = sorted({*found.leaves.values(), *found.comes.values()})
            servers = [self._world.servers[key] for key in keys]
            emptied = drained(self._world, servers, self._rules)
            if isinstance(emptied, Drained):
                self._note(found, barred)
                return found, emptied
            barred[emptied.server] = emptied.why

    def _immovable(self, found: Matched) -> Barred:
        """Return the servers whose profile cannot leave them now, and why."""
        barred: Barred = {}
        for profile, key in found.leaves.items():
            server = self._world.servers.get(key)
            if (known := self._world.profiles[profile]).vm is not None:
                barred[key] = reason("repurpose.virtual", profile=known.name)
            elif server is None:
                barred[key] = reason("run.server-gone")
            elif server.power is Power.UNKNOWN:
                barred[key] = reason("bear.power-unknown", server=server.name)
            elif (why := held(self._world, server)) is not None:
                barred[key] = why
        return barred

    def _note(self, found: Matched, barred: Barred) -> None:
        """Keep why profiles find no server, and why others do not leave theirs."""
        profiles = self._world.profiles
        for key, against in found.against.items():
            self._rejected += [Refusal(vm=VmId(key), host=HostId(server), why=why)
                               for server, why in against]  # fmt: skip
            if key in self._aim.yielding:
                continue  # it gave its server up, as it is to
            whys = tuple(dict.fromkeys(why for _, why in against))[:3]
            why = reason("repurpose.no-server", profile=profiles[key].name, why=whys)
            self._missing.append(Missing(name=profiles[key].name, why=why))
        wanted = {*self._aim.wanted, *self._aim.yielding}
        for key in sorted(self._aim.managed - wanted):
            one = profiles.get(key)
            if one is not None and one.server in barred:
                assert one.server is not None
                self._missing.append(Missing(name=one.name, why=barred[one.server]))

    def _stop(self) -> tuple[int, ...]:
        """Add what stops services that are not wanted; return the last steps of each."""
        gate: list[int] = []
        for hosted in self._aim.stop:
            try:
                members = hosted.vms(self._world)
                plan = plan_service_stop(self._world, hosted.service, members, self._rules)
                self._world = outcome(plan, self._world)
            except AnypoolError as error:
                self._missing.append(Missing(name=hosted.service.id, why=why_of(error)))
                continue
            gate += appended(self._steps, plan, ())
        return tuple(gate)

    def _drain(self, emptied: Drained, gate: tuple[int, ...]) -> None:
        for server, plan in emptied.plans.items():
            ends = appended(self._steps, plan, gate)
            self._free[server] = ends[-1]
            self._rejected += plan.rejected
        self._world = emptied.world

    def _off(self, server: Server, why: Reason, gate: tuple[int, ...]) -> int:
        """Add what switches a server off and sees it off; return the step that did."""
        waits = (self._free[server.id],) if server.id in self._free else gate
        number = self._steps.add(PowerOffServer(server=server.id), why, *waits)
        self._do(number)
        return number

    def _leave(self, key: ProfileId, at: ServerId, gate: tuple[int, ...]) -> None:
        """Add what takes a profile from its server."""
        profile, server = self._world.profiles[key], self._world.servers[at]
        off = self._off(server, leaving(server.name, None), gate)
        why = reason("repurpose.leaves", profile=profile.name, purpose=self._aim.purpose)
        if key in self._aim.yielding:
            why = reason("repurpose.yields", profile=profile.name)
        number = self._steps.add(withdrawal(profile, at, None), why, off)
        self._do(number)
        self._free[at] = number

    def _come(self, key: ProfileId, at: ServerId, fits: int, gate: tuple[int, ...]) -> None:
        """Add what brings a profile to a server, and opens that where it is a hypervisor then."""
        profile, server = self._world.profiles[key], self._world.servers[at]
        if server.power is not Power.OFF:
            why = reason("bear.must-be-off", server=server.name)
            self._free[at] = self._off(server, why, gate)
            server = self._world.servers[at]
        waits = (self._free[at],) if at in self._free else gate
        home = self._aim.memory.homes.get(key) == at
        why = reason("bear.chosen", server=server.name, others=fits)
        if home:
            why = reason("repurpose.home", profile=profile.name, server=server.name)
        first = len(self._steps.made) + 1
        last = bring(self._steps, profile, server, (why, reason("bear.starts")), waits)
        for number in range(first, last + 1):
            self._do(number)
        if key in self._aim.memory.opens and server.host in self._world.hosts:
            self._open(server.host, last)

    def _wake(self, gate: tuple[int, ...]) -> None:
        """Add what makes hypervisors again of servers that were emptied and bear nothing now."""
        for key in sorted(self._aim.servers):
            server = self._world.servers.get(key)
            if server is None or server.host not in self._aim.memory.closed:
                continue
            if bearing(self._world, server) is not None or server.bears or server.entered:
                continue
            host = self._world.hosts.get(server.host)
            if host is None or not host.maintenance:
                continue
            waits = (self._free[key],) if key in self._free else gate
            last = waits[-1] if waits else 0
            if server.power is not Power.ON:
                why = reason("repurpose.wakes", host=host.name)
                last = self._steps.add(PowerOnServer(server=key), why, *waits)
                self._do(last)
            self._open(host.id, last)

    def _open(self, host: HostId, after: int) -> None:
        known = self._world.hosts[host]
        self._opened[host] = opened(self._steps, known, after)
        self._world = is_up_then(self._world, host)

    def _start(self, gate: tuple[int, ...]) -> None:
        """Add what starts services, once nothing is in their way any more."""
        waits = tuple(dict.fromkeys((*gate, *self._free.values(), *self._opened.values())))
        for hosted in self._aim.start:
            try:
                if self._runs(hosted):
                    continue
                members = hosted.vms(self._world)
                plan = plan_service_start(self._world, hosted.service, members, self._rules)
                self._world = outcome(plan, self._world)
            except AnypoolError as error:
                self._missing.append(Missing(name=hosted.service.id, why=why_of(error)))
                continue
            appended(self._steps, plan, waits)

    def _runs(self, hosted: Hosted) -> bool:
        members = hosted.vms(self._world)
        return all(vm.state in _ALIVE for vms in members.values() for vm in vms)

    def _do(self, number: int) -> None:
        """Take a step as done."""
        step = self._steps.made[number - 1]
        one = Plan(goal="", steps=(replace(step, number=1, after=frozenset()),))
        self._world = outcome(one, self._world)

    def _plan(self) -> Plan:
        code = "aim.repurpose" if self._steps.made else "aim.repurposed"
        aim = reason(code, calendar=self._aim.name, purpose=self._aim.purpose)
        return Plan(
            goal=say(aim),
            aim=aim,
            steps=tuple(self._steps.made),
            rejected=tuple(self._rejected),
            based_on=digest(self._inventory),
        )
