"""An independent judge of what plans do to servers: no address in two places, ever.

It counts from the records in plain dictionaries and shares nothing with planners or `effect`.
"""

from collections import defaultdict
from collections.abc import Iterator

from anypool.model import HostId, Inventory
from anypool.plan.action import CreateVm, DeleteVm, FenceHost, StartVm
from anypool.plan.plan import Plan, Step
from anypool.plan.reason import Reason, reason
from anypool.plan.serveraction import (
    ApplyProfile,
    JoinHost,
    LeaveHost,
    PowerOffServer,
    PowerOnServer,
    WithdrawProfile,
)


def of_addresses(inventory: Inventory) -> Iterator[Reason]:
    """Yield each address that is in use at two places of an inventory."""
    places: dict[str, set[str]] = defaultdict(set)
    for server in inventory.servers.values():
        if server.power != "on":
            continue
        for port in server.ports:
            if port.address:
                places[port.address.lower()].add(server.name)
    for vm in inventory.vms.values():
        for nic in vm.nics:
            if nic.mac.lower() in places:
                places[nic.mac.lower()].add(vm.name)
    for address, names in places.items():
        if len(names) > 1:
            yield reason("check.address-twice", address=address, places=tuple(sorted(names)))


def of_servers(plan: Plan, inventory: Inventory) -> Iterator[Reason]:
    """Yield what speaks against the steps of a plan on servers, in their order."""
    known = bool(inventory.profiles or inventory.servers)
    if not known or not any(isinstance(step.action, _JUDGED) for step in plan.steps):
        return
    ledger = _Ledger(inventory, plan)
    for step in plan.steps:
        if isinstance(step.action, _JUDGED):
            yield from ledger.judge(step)


_OF_VM = CreateVm | DeleteVm | StartVm
_JUDGED = (
    ApplyProfile
    | WithdrawProfile
    | PowerOffServer
    | PowerOnServer
    | FenceHost
    | JoinHost
    | LeaveHost
    | _OF_VM
)


def with_comers(plan: Plan, inventory: Inventory) -> Inventory:
    """Return the pool with the hosts that a plan brings: what comes to them is judged as there."""
    for step in plan.steps:
        if isinstance(step.action, JoinHost) and step.action.server not in inventory.hosts:
            one = step.action
            key = HostId(one.server)
            pool = inventory.servers[one.server].pool if one.server in inventory.servers else ""
            inventory = inventory.with_host(one.expects.host(key, key, one.endpoint, pool))
    return inventory


class _Ledger:
    """Who bears what, who is off, and where each address is in use."""

    def __init__(self, inventory: Inventory, plan: Plan) -> None:
        self.names: dict[str, str] = {one.id: one.name for one in inventory.servers.values()}
        self.off: set[str] = {one.id for one in inventory.servers.values() if one.power == "off"}
        self.seen_off: dict[str, int] = {}
        self.after = {step.number: step.after for step in plan.steps}
        self.owner: dict[str, str | None] = {
            one.id: one.server for one in inventory.profiles.values()
        }
        self.epoch = {one.id: one.epoch for one in inventory.profiles.values()}
        self.has = {one.id: tuple(one.addresses) for one in inventory.profiles.values()}
        self.label = {one.id: one.name for one in inventory.profiles.values()}
        self.ports: dict[str, set[str]] = {}
        for server in inventory.servers.values():
            self.ports[server.id] = {port.address for port in server.ports if port.address}
        self.hosts: set[str] = {one.id for one in inventory.hosts.values()}
        self.vms: dict[str, str] = {}
        self.macs: dict[str, set[str]] = {}
        self.gone: dict[str, int] = {}
        for vm in inventory.vms.values():
            self.macs[vm.id] = {nic.mac for nic in vm.nics}
            for nic in vm.nics:
                self.vms[nic.mac] = vm.name

    def judge(self, step: Step) -> Iterator[Reason]:
        """Yield what speaks against one step, and take it as done."""
        action = step.action
        assert isinstance(action, _JUDGED)
        if isinstance(action, FenceHost):
            self.off.add(action.host)
            self.seen_off[action.host] = step.number
            return
        if isinstance(action, _OF_VM):
            yield from self._of_vm(step, action)
            return
        if isinstance(action, ApplyProfile | WithdrawProfile) and action.means == "vm":
            yield from self._virtual(step, action)
            return
        said = isinstance(action, WithdrawProfile) and action.stated is not None
        if action.server not in self.names and not said:
            yield reason("check.server-gone", server=action.server)
            return
        if isinstance(action, PowerOffServer):
            self.off.add(action.server)
            self.seen_off[action.server] = step.number
        elif isinstance(action, PowerOnServer):
            self.off.discard(action.server)
            self.seen_off.pop(action.server, None)
            yield from self._clash(action.server, self.ports[action.server])
        elif isinstance(action, ApplyProfile):
            yield from self._apply(step, action)
        elif isinstance(action, JoinHost):
            yield from self._join(action)
        elif isinstance(action, LeaveHost):
            self.hosts.discard(action.server)
        else:
            yield from self._withdraw(step, action)

    def _apply(self, step: Step, action: ApplyProfile) -> Iterator[Reason]:
        name = self.label.get(action.profile, action.profile)
        if self.owner.get(action.profile) is not None:
            yield reason("check.profile-taken", profile=name)
        if self.epoch.get(action.profile, 0) + 1 != action.epoch:
            yield reason("check.profile-late", profile=name)
        if action.server in self.owner.values():
            yield reason("check.bears-two", server=self.names[action.server])
        yield from self._is_off(step, action.server)
        self.owner[action.profile], self.epoch[action.profile] = action.server, action.epoch
        some = set(self.has.get(action.profile, ()))
        self.ports[action.server] |= some
        yield from self._clash(action.server, some)

    def _withdraw(self, step: Step, action: WithdrawProfile) -> Iterator[Reason]:
        name = self.label.get(action.profile, action.profile)
        if self.owner.get(action.profile) != action.server:
            yield reason("run.profile-elsewhere", profile=name)
        if self.epoch.get(action.profile) != action.epoch:
            yield reason("check.profile-late", profile=name)
        if action.stated is None:
            yield from self._is_off(step, action.server)
        elif action.stated.host != action.server:
            yield reason("check.not-seen-off", server=action.server)
        self.owner[action.profile] = None
        self.ports.setdefault(action.server, set()).difference_update(
            self.has.get(action.profile, ())
        )

    def _of_vm(self, step: Step, action: CreateVm | DeleteVm | StartVm) -> Iterator[Reason]:
        """Judge a VM that is made, started or deleted by the addresses it has.

        One that has a profile's is made for whom the profile is, and for nobody else.
        """
        if isinstance(action, CreateVm):
            wish = action.wish
            mine = self.macs[wish.id] = {nic.mac for nic in wish.nics}
            for profile, addresses in self.has.items():
                if mine & set(addresses) and self.owner.get(profile) != wish.id:
                    yield reason("check.profile-taken", profile=self.label[profile])
            self.vms |= dict.fromkeys(mine, wish.name)
            return
        mine = self.macs.get(action.vm, set())
        if isinstance(action, DeleteVm):
            self.gone[action.vm] = step.number
            for mac in mine:
                self.vms.pop(mac, None)
            return
        for server, ports in self.ports.items():
            for mac in sorted(mine & ports if server not in self.off else ()):
                places = tuple(sorted((self.names[server], self.vms.get(mac, action.vm))))
                yield reason("check.address-twice", address=mac, places=places)

    def _virtual(self, step: Step, action: ApplyProfile | WithdrawProfile) -> Iterator[Reason]:
        """Judge a profile that a VM is to bear, or no more: then it is gone before."""
        name, vm = self.label.get(action.profile, action.profile), action.server
        by = self.gone.get(vm)
        if vm in self.macs and (by is None or by not in self._before(step)):
            yield reason("check.vm-there", vm=vm)
        if isinstance(action, WithdrawProfile):
            if self.owner.get(action.profile) != vm:
                yield reason("run.profile-elsewhere", profile=name)
            if self.epoch.get(action.profile) != action.epoch:
                yield reason("check.profile-late", profile=name)
            self.owner[action.profile] = None
            return
        if self.owner.get(action.profile) is not None:
            yield reason("check.profile-taken", profile=name)
        if self.epoch.get(action.profile, 0) + 1 != action.epoch:
            yield reason("check.profile-late", profile=name)
        self.owner[action.profile], self.epoch[action.profile] = vm, action.epoch

    def _join(self, action: JoinHost) -> Iterator[Reason]:
        name = self.names[action.server]
        if self.owner.get(action.profile) != action.server:
            yield reason("check.joins-unborne", server=name)
        if self.epoch.get(action.profile) != action.epoch:
            yield reason("check.profile-late", profile=self.label.get(action.profile, ""))
        if action.server in self.off:
            yield reason("check.joins-off", server=name)
        if action.server in self.hosts:
            yield reason("check.joins-twice", server=name)
        self.hosts.add(action.server)

    def _is_off(self, step: Step, server: str) -> Iterator[Reason]:
        """Yield nothing if a server is off by then: it was, or this waits for who did it."""
        by = self.seen_off.get(server)
        if server not in self.off or (by is not None and by not in self._before(step)):
            yield reason("check.not-seen-off", server=self.names.get(server, server))

    def _before(self, step: Step) -> set[int]:
        found: set[int] = set()
        left = set(step.after)
        while left:
            number = left.pop()
            if number not in found:
                found.add(number)
                left |= self.after.get(number, frozenset())
        return found

    def _clash(self, server: str, addresses: set[str]) -> Iterator[Reason]:
        for address in sorted(addresses):
            others = [
                self.names[other]
                for other, ports in self.ports.items()
                if other != server and other not in self.off and address in ports
            ]
            others += [self.vms[address]] if address in self.vms else []
            if others:
                places = tuple(sorted([self.names[server], *others]))
                yield reason("check.address-twice", address=address, places=places)
