"""A look at the world for one action: which hosts are read, in which order."""

from collections.abc import Callable
from contextlib import suppress
from urllib.parse import urlsplit

from msgspec.structs import replace

from anypool.drivers import Migration
from anypool.engine.observing.boothosts import BootHosts
from anypool.engine.observing.knock import knock
from anypool.engine.observing.observe import Observer, places
from anypool.engine.runs.alone import Alone, must_be_alone
from anypool.engine.runs.sight import NO_VOUCH, Seen, Sight
from anypool.errors import AnypoolError
from anypool.model import (
    Capability,
    EndpointId,
    Frame,
    HostId,
    HostState,
    Inventory,
    Job,
    JobOrder,
    Means,
    Power,
    Probe,
    ProbeKind,
    VmId,
)
from anypool.plan import (
    Action,
    ApplyProfile,
    FenceHost,
    ForgetCopy,
    JoinHost,
    LeaveHost,
    MigrateVm,
    PowerOffHost,
    PowerOffServer,
    PowerOnHost,
    PowerOnServer,
    Reason,
    RemoveCopy,
    ServerAction,
    StartAfterFailure,
    StartVm,
    VerifyServer,
    WithdrawProfile,
    hosts_of,
    reason,
    vm_of,
)

SSH_PORT = 22


class Eyes:
    """Looks through an observer, so that everybody sees what was seen."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._alone = Alone(observer)
        self.knock: Callable[[Probe, str], str] = knock
        self._boot_hosts = BootHosts(observer)

    def look(self, action: Action, order: Migration | None, task: JobOrder | None = None) -> Sight:
        """Return what all hosts that matter say about an action; never raises for their silence.

        With `order`, the migration it names is asked for too. With `task` the platform is asked
        for its task, before anything is read: what is read then is not older than its answer.
        """
        if task is None:
            return self._look(action, order)
        try:
            job = self._observer.driver_of(task.host).job(task)
        except AnypoolError:
            silent = tuple(Seen(host, answered=False) for host in hosts_of(action))
            return Sight(inventory=self._observer.inventory, seen=silent, answered=False)
        return replace(self._look(action, None), job=job)

    def _look(self, action: Action, order: Migration | None) -> Sight:
        self._meet(action)
        vm = vm_of(action)
        if vm is None:
            return self._look_without_vm(action)
        named = hosts_of(action)
        if isinstance(action, MigrateVm):
            named = (action.target, action.source)
        if isinstance(action, ForgetCopy):
            named = (action.lives_on, action.host)
        if isinstance(action, RemoveCopy):
            named = (action.keeps, action.host)
        if isinstance(action, StartAfterFailure):
            named = (action.host, action.home)
        self._alone.find(action, vm)
        known = self._observer.inventory.vms.get(vm)
        seen = self._look_at_vm(vm, places(known, named))
        needed = hosts_of(action) if isinstance(action, StartAfterFailure) else named
        answered = all(one.answered for one in seen if one.host in needed)
        job = None if order is None else self._job(order)
        inventory = self._observer.inventory
        sight = Sight(inventory=inventory, seen=seen, job=job, answered=answered)
        if isinstance(action, StartAfterFailure):
            proofs = (action.proof, *action.also)
            sight = replace(sight, void=self._observer.vitals.against(proofs))
        if isinstance(action, StartVm):
            sight = replace(sight, dead=self._dead(seen))
        if vm in inventory.vms and must_be_alone(action, inventory.vms[vm], job):
            sight = replace(sight, open=self._alone.open(inventory.vms[vm], inventory))
        if isinstance(action, MigrateVm):
            sight = replace(sight, open=(*sight.open, *self._silent(sight.elsewhere(*named))))
        return sight

    def _silent(self, others: tuple[Seen, ...]) -> tuple[HostId, ...]:
        """Return those of other hosts that know a VM, do not answer, and are not proven dead."""
        dead = self._dead(others)
        return tuple(one.host for one in others if not one.answered and one.host not in dead)

    def _dead(self, seen: tuple[Seen, ...]) -> frozenset[HostId]:
        """Return the hosts that did not answer just now and are proven to run nothing.

        The power of one without a proof is asked for: two answers make one for the next look.
        """
        vitals, hosts = self._observer.vitals, self._observer.inventory.hosts
        found = set[HostId]()
        for host in (one.host for one in seen if not one.answered and one.host in hosts):
            if (proof := vitals.proof(host)) is not None:
                if vitals.against((proof,)) is None:
                    found.add(host)
            elif Capability.HOST_POWER in hosts[host].capabilities:
                vitals.read_power(host)
        return frozenset(found)

    def _meet(self, action: Action) -> None:
        """Read every endpoint not read yet, if it takes that to know whom an action is about."""
        for endpoint in self._observer.endpoints():
            if _knows(self._observer.inventory, action):
                return
            if not self._observer.current(endpoint.id):
                with suppress(AnypoolError):
                    self._observer.read(endpoint.id)

    def _look_at_host(self, host: HostId) -> Sight:
        """Read a host whole: what is seen are all VMs that it says it has."""
        try:
            frame = self._observer.read(self._observer.inventory.host(host).endpoint)
        except AnypoolError:
            return Sight(inventory=self._observer.inventory, answered=False)
        seen = (_seen(vm.id, host, frame) for vm in frame.vms)
        there = tuple(one for one in seen if one.vm is not None)
        return Sight(inventory=self._observer.inventory, seen=there)

    def _look_at_power(self, action: PowerOffHost | PowerOnHost) -> Sight:
        """Ask the BMC of a host, where it has one, and the host after it.

        Where the host says nothing and the BMC says that it is off, that is an answer. One that
        is to be woken and is off is not asked: that would only take the time of a connection.
        """
        power = self._observer.read_power(action.host)
        if isinstance(action, PowerOffHost) or not self._is_off(action.host, power):
            sight = self._look_at_host(action.host)
        else:
            sight = Sight(inventory=self._observer.inventory)
        off = self._is_off(action.host, power)
        return replace(sight, power=power, answered=sight.answered or off)

    def _look_before_fencing(self, host: HostId) -> Sight:
        """Ask its BMC, which must answer, and then the host whether it lives, and its lease.

        In this order: a BMC may take long, and the host may be back meanwhile.
        """
        vitals = self._observer.vitals
        power, began = vitals.read_power(host), vitals.moments.now()
        sight = self._look_at_host(host)
        vitals.look_at_leases(host)
        vitals.knock_at(host)
        fresh = reason("ha.fresh-lease") if vitals.leases.is_fresh(host) else None
        if vitals.life(host).life_at > began:
            there = self._observer.inventory.hosts.get(host)
            fresh = reason("ha.lives", host=host if there is None else there.name)
        known = replace(sight, inventory=self._observer.inventory, void=fresh)
        return replace(known, power=power, answered=power is not Power.UNKNOWN)

    def _look_without_vm(self, action: Action) -> Sight:
        """Look for an action that is about a host or a server."""
        if isinstance(action, PowerOffHost | PowerOnHost):
            return self._look_at_power(action)
        if isinstance(action, FenceHost):
            return self._look_before_fencing(action.host)
        if isinstance(action, ApplyProfile | WithdrawProfile) and action.means is Means.VM:
            return self._look_at_virtual(action)
        if isinstance(action, LeaveHost):
            known = action.server in self._observer.inventory.hosts
            return self._look_at_host(action.server) if known else self._nothing()
        if isinstance(action, ServerAction):
            return self._look_at_server(action)
        return self._look_at_host(hosts_of(action)[0])

    def _look_at_server(self, action: ServerAction) -> Sight:
        """Read who answers for a server, and its power, by two questions before it is left.

        For a server that a person says is dead its BMC is not asked: what counts is what they
        say. Its boot host is, which can still take the disk from it.
        """
        vitals = self._observer.vitals
        switches = isinstance(action, PowerOffServer | PowerOnServer)
        boots = switches or self._boot_hosts.look(action.server)
        stated = action.stated if isinstance(action, WithdrawProfile) else None
        if stated is not None:
            void = vitals.against((stated,)) or self._against_leaving(action)
            return Sight(inventory=self._observer.inventory, void=void, boots=boots)
        answered = True
        known = self._observer.inventory.servers.get(action.server)
        try:
            if known is not None:
                self._observer.read(known.endpoint)
        except AnypoolError:
            answered = False
        power = self._power_of(action, answered=answered)
        proven = vitals.off_proof(action.server) is not None
        unready = self._unready(action, power)
        return Sight(
            inventory=self._observer.inventory,
            answered=answered,
            power=power,
            void=self._against_leaving(action) or (None if proven else NO_VOUCH),
            unready=unready,
            boots=boots,
        )

    def _unready(self, action: ServerAction, power: Power) -> str:
        """Return why what runs on a server that is on gives no good answer yet, "" if it does.

        Of one that joins its port is asked, until it is a host; then that is read.
        """
        if power is not Power.ON:
            return ""
        if isinstance(action, JoinHost):
            return self._unjoined(action)
        if not isinstance(action, VerifyServer) or action.probe.kind is ProbeKind.NONE:
            return ""
        profile = self._observer.inventory.profiles.get(action.profile)
        return "" if profile is None else self.knock(action.probe, profile.name)

    def _unjoined(self, action: JoinHost) -> str:
        host = self._observer.inventory.hosts.get(action.server)
        if host is None:
            return self.knock(door_of(action.uri), "")
        with suppress(AnypoolError):
            self._observer.read(host.endpoint)
        return ""

    def _nothing(self) -> Sight:
        return Sight(inventory=self._observer.inventory)

    def _look_at_virtual(self, action: ApplyProfile | WithdrawProfile) -> Sight:
        """Read the boot host of a profile that a VM bears, and the hosts that know that VM."""
        inventory = self._observer.inventory
        profile, vm = inventory.profiles.get(action.profile), VmId(action.server)
        known = inventory.vms.get(vm)
        seen = () if known is None else self._look_at_vm(vm, places(known, ()))
        if profile is None:
            return self._nothing()
        place = self._boot_hosts.of_virtual(profile)
        boots = self._boot_hosts.look_at(place)
        return Sight(
            inventory=self._observer.inventory,
            seen=seen,
            answered=all(one.answered for one in seen),
            void=self._against_leaving(action),
            boots=boots,
            serves=place is not None,
            entered=self._boot_hosts.entered(profile, action.server),
        )

    def _power_of(self, action: ServerAction, *, answered: bool) -> Power:
        """Return the power of a server: what was just observed, or where it leaves, asked for.

        Only what was asked for counts for a proof; for all else one question is enough.
        """
        server = self._observer.inventory.servers.get(action.server)
        leaves = isinstance(action, PowerOffServer | WithdrawProfile)
        if leaves or server is None or not answered:
            return self._observer.vitals.read_power(action.server)
        return server.power

    def _against_leaving(self, action: ServerAction) -> Reason | None:
        """Return that what runs on a profile still answers, whatever a BMC says of the power."""
        profile = None
        if isinstance(action, WithdrawProfile):
            profile = self._observer.inventory.profiles.get(action.profile)
        if profile is None or profile.probe.kind is ProbeKind.NONE:
            return None
        answers = not self.knock(profile.probe, profile.name)
        return reason("run.still-answers", profile=profile.name) if answers else None

    def _is_off(self, host: HostId, power: Power) -> bool:
        known = self._observer.inventory.hosts.get(host)
        return power is Power.OFF and known is not None and known.state is HostState.OFF

    def _look_at_vm(self, vm: VmId, hosts: tuple[HostId, ...]) -> tuple[Seen, ...]:
        """Read the hosts one after the other, an endpoint that speaks for several once."""
        frames: dict[EndpointId, Frame | None] = {}
        seen: list[Seen] = []
        for host in hosts:
            record = self._observer.inventory.hosts.get(host)
            if record is None:
                seen.append(Seen(host, answered=False))
                continue
            if record.endpoint not in frames:
                frames[record.endpoint] = self._frame(record.endpoint, vm)
            frame = frames[record.endpoint]
            seen.append(Seen(host, answered=False) if frame is None else _seen(vm, host, frame))
        return tuple(seen)

    def _frame(self, endpoint: EndpointId, vm: VmId) -> Frame | None:
        try:
            if not self._observer.current(endpoint):
                return self._observer.read(endpoint)
            return self._observer.read(endpoint, (vm,))
        except AnypoolError:
            return None

    def _job(self, order: Migration) -> Job | None:
        try:
            return self._observer.driver_of(order.source).migration(order)
        except AnypoolError:
            return None


def _knows(inventory: Inventory, action: Action) -> bool:
    """Return whether the hosts of an action are known, and the server that one of them is."""
    if isinstance(action, ServerAction) and action.server not in inventory.servers:
        return False
    return all(host in inventory.hosts for host in hosts_of(action))


def door_of(uri: str) -> Probe:
    """Return what is asked whether somebody listens at an address by SSH."""
    place = urlsplit(uri)
    port = place.port or SSH_PORT
    return Probe(kind=ProbeKind.TCP, address=place.hostname or "", port=port)


def _seen(vm: VmId, host: HostId, frame: Frame) -> Seen:
    found = next((one for one in frame.vms if one.id == vm), None)
    if found is None:
        return Seen(host, answered=True)
    if found.host == host:
        return Seen(host, True, found.state, found.reason, found)
    for copy in found.copies:
        if copy.host == host:
            return Seen(host, True, copy.state, copy.reason, found)
    return Seen(host, answered=True)
