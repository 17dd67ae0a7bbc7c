"""Services: declare them, make what they lack, start and stop them in order, see how they are."""

from msgspec import Struct

from anypool.engine import Engine
from anypool.engine.observing.services import found
from anypool.errors import Conflict, Invalid
from anypool.model import (
    Component,
    Inventory,
    KnownService,
    Member,
    ProbeKind,
    ReadyKind,
    Service,
    ServiceId,
    VmId,
    VmWish,
    rolled_up,
)
from anypool.plan import reason, refuse
from anypool.planner import check_across, in_order
from anypool.planner.profiles.running import Borne
from anypool.planner.wishes import MakeService, StartService, StopService
from anypool.search import Noun
from anypool.service import borne
from anypool.service.access import Deed, Principal, require
from anypool.service.listing import searched_page
from anypool.service.names import checked_name, checked_tags, checked_text
from anypool.service.pages import Ask, Page
from anypool.service.proposals import Proposal, Proposals
from anypool.service.underway import Underway
from anypool.service.wishes import MOST_VMS, NewVm, Taken, taken, wishes
from anypool.store.records import PlanRecord, RunRecord

_MOST_COMPONENTS = 100
Lacking = tuple[tuple[Component, str], ...]
"""VMs that are to be made: their component and their name."""

_LONGEST_WAIT_S = 86_400.0


class Applied(Struct, frozen=True, kw_only=True):
    """A service as it is declared now, and the plan that makes what it lacks, if anything."""

    service: KnownService
    plan: PlanRecord | None = None
    run: RunRecord | None = None


class Applications:
    """The use cases of a service.

    To declare one is for administrators: its probes let the manager open connections.
    """

    def __init__(self, engine: Engine, proposals: Proposals, underway: Underway) -> None:
        self._engine = engine
        self._proposals = proposals
        self._underway = underway

    def list(self, by: Principal, ask: Ask) -> Page[KnownService]:
        """Return a page of the services that match; raise `Invalid` for a bad query."""
        require(by, Deed.READ)
        rows = [self._known(service) for service in self._engine.services.all()]
        return searched_page(self._engine.inventory, Noun.SERVICE, rows, ask)

    def get(self, by: Principal, key: str) -> KnownService:
        """Return one service with its VMs as they are now; raise `NotFound`."""
        require(by, Deed.READ)
        return self._known(self._engine.services.get(key))

    def apply(self, by: Principal, service: Service, *, dry_run: bool) -> Applied:
        """Keep a service as it is declared, and make the VMs it lacks; they are not started.

        Nothing is kept on failure, and nothing with `dry_run`. Raises `Invalid`,
        `NotFound`, `NoPlan`, `Conflict` for VMs that are to be there and are not.
        """
        require(by, Deed.MANAGE_ENDPOINTS)
        checked(service)
        inventory = self._engine.inventory
        check_across(service, self._engine.services.all(), inventory)
        lacking = self._lacking(service, inventory)
        plan = self._proposals.propose(
            by,
            Deed.MANAGE_ENDPOINTS,
            lambda pool, _: MakeService(service=service, wishes=self._wishes(lacking, pool)),
            dry_run=True,
        ).plan if lacking else None  # fmt: skip
        run = None
        if not dry_run:
            self._engine.services.put(service, by.name)
            run = None if plan is None else self._engine.run(plan.id, by.name)
        return Applied(service=self._known(service), plan=plan, run=run)

    def remove(self, by: Principal, key: str) -> None:
        """Forget a service; its VMs stay as they are. Raise `NotFound`."""
        require(by, Deed.MANAGE_ENDPOINTS)
        self._engine.services.remove(ServiceId(key), by.name)

    def start(self, by: Principal, key: str, *, dry_run: bool, waive: bool = False) -> Proposal:
        """Start what does not run, in order; raise `Conflict` while VMs are missing, `NoPlan`."""
        require(by, Deed.OPERATE_VM)
        service = self._engine.services.get(key)
        return self._proposals.propose(
            by,
            Deed.OPERATE_VM,
            lambda pool, _: StartService(
                service=service,
                members=self._members(service, pool),
                borne=self._borne(service, pool),
            ),
            dry_run=dry_run,
            waive=waive,
        )

    def stop(self, by: Principal, key: str, *, dry_run: bool) -> Proposal:
        """Shut down what runs, in reverse order; raise `Conflict` while VMs are missing."""
        require(by, Deed.OPERATE_VM)
        service = self._engine.services.get(key)
        return self._proposals.propose(
            by,
            Deed.OPERATE_VM,
            lambda pool, _: StopService(
                service=service,
                members=self._members(service, pool),
                borne=self._there(service, pool),
            ),
            dry_run=dry_run,
        )

    def _known(self, service: Service) -> KnownService:
        vms = found(_names(service), self._engine.inventory)
        members = tuple(
            borne.member(self._engine, service, component)
            if component.profile
            else Member(
                component=component.name,
                name=name,
                vm=vms[name].id if name in vms else None,
                state=vms[name].state if name in vms else "missing",
                health=self._engine.healths.of(service, component, name),
            )
            for component in service.components
            for name in service.members(component)
        )
        return KnownService(service=service, members=members, state=rolled_up(members))

    def _members(self, service: Service, inventory: Inventory) -> dict[str, tuple[VmId, ...]]:
        vms = found(_names(service), inventory)
        missing = tuple(sorted(_names(service) - vms.keys()))
        if missing:
            why = reason("serve.missing", service=service.id, vms=missing[:5])
            raise refuse(Conflict, why, reason("hint.apply", service=service.id))
        return {
            component.name: tuple(vms[name].id for name in service.members(component))
            for component in service.components
            if not component.profile
        }

    def _borne(self, service: Service, inventory: Inventory) -> dict[str, Borne]:
        """Return what is needed to start the components that are profiles."""

        def used() -> Taken:
            return taken(inventory, self._underway.plans())

        return {
            component.name: borne.borne(component, self._engine, inventory, used)
            for component in service.components
            if component.profile
        }

    def _there(self, service: Service, inventory: Inventory) -> dict[str, Borne]:
        """Return the components that are profiles, as they are."""
        return {
            component.name: Borne(profile=borne.profile(component, inventory).id)
            for component in service.components
            if component.profile
        }

    def _lacking(self, service: Service, inventory: Inventory) -> Lacking:
        vms = found(_names(service), inventory)
        lacking: Lacking = ()
        for component in service.components:
            if component.profile:
                borne.profile(component, inventory)
                continue
            gone = [name for name in service.members(component) if name not in vms]
            if gone and component.vms:
                names = ", ".join(gone[:5])
                raise Conflict(
                    f"component {component.name} is to have VMs that are not there: {names}",
                    hint="make them first, or give the component an image",
                )
            lacking += tuple((component, name) for name in gone)
        return lacking

    def _wishes(self, lacking: Lacking, inventory: Inventory) -> tuple[VmWish, ...]:
        used = taken(inventory, self._underway.plans())
        made: list[VmWish] = []
        for component, name in lacking:
            (wish,) = wishes(_asked(component, name), inventory, used)
            macs = used.macs | {nic.mac for nic in wish.nics}
            used = Taken(names=used.names | {name}, macs=macs)
            made.append(wish)
        return tuple(made)


def _names(service: Service) -> frozenset[str]:
    """Return the names of the VMs that are the service's own, or taken in."""
    own = (one for one in service.components if not one.profile)
    return frozenset(name for one in own for name in service.members(one))


def _asked(component: Component, name: str) -> NewVm:
    return NewVm(
        name=name,
        image=component.image,
        vcpus=component.vcpus,
        memory_mib=component.memory_mib,
        disk_bytes=component.disk_bytes,
        networks=component.networks,
        tags=component.tags,
    )


def checked(service: Service) -> None:
    """Return quietly for a service that can be; raise `Invalid`, `Conflict` for a circle."""
    checked_name(service.id, "a service")
    checked_text(service.description, "description", 500)
    names = [one.name for one in service.components]
    if not 1 <= len(names) <= _MOST_COMPONENTS:
        hint = f"name 1 to {_MOST_COMPONENTS}"
        raise Invalid(f"a service cannot have {len(names)} components", hint=hint)
    for component in service.components:
        _check_component(service, component, frozenset(names))
    members = [name for one in service.components for name in service.members(one)]
    for what, several in (("component", names), ("VM", members)):
        if twice := sorted({one for one in several if several.count(one) > 1}):
            raise Invalid(f"the {what} {twice[0]} is named twice", hint="name each once")
    in_order(service.components)


def _check_component(service: Service, component: Component, names: frozenset[str]) -> None:
    what = f"component {checked_name(component.name, 'a component')}"
    if component.kind != "vm":
        hint = "leave kind out: `bearer:` says what may bear a profile"
        raise Invalid(f"{what} is a {component.kind[:40]!r}", hint=hint)
    if sum(map(bool, (component.image, component.vms, component.profile))) != 1:
        hint = "image:, vms: or profile:"
        raise Invalid(f"{what} needs an image, VMs or a profile, one of them", hint=hint)
    if component.profile and component.count != 1:
        raise Invalid(f"{what} is one machine, not {component.count}", hint="leave count out")
    if not 1 <= component.count <= MOST_VMS:
        raise Invalid(f"{what} cannot have {component.count} VMs", hint=f"1 to {MOST_VMS}")
    for name in service.members(component):
        checked_name(name, "a VM")
    checked_tags(component.tags)
    if strange := sorted(set(component.after) - names):
        raise Invalid(f"{what} comes after {strange[0]!r}, which is no component")
    _check_times(what, component)
    _check_probe(what, component)


def _check_times(what: str, component: Component) -> None:
    ready, probe = component.ready, component.probe
    for name, value, least, most in (
        ("ready.delay_s", ready.delay_s, 0.0, _LONGEST_WAIT_S),
        ("ready.timeout_s", ready.timeout_s, 1.0, _LONGEST_WAIT_S),
        ("probe.interval_s", probe.interval_s, 1.0, _LONGEST_WAIT_S),
        ("probe.timeout_s", probe.timeout_s, 0.1, 10.0),
        ("probe.threshold", probe.threshold, 1, 1000),
    ):
        if not least <= value <= most:
            raise Invalid(f"{what}: {name} is {value:g}", hint=f"use {least:g} to {most:g}")
    if ready.when is ReadyKind.PROBE and probe.kind is ProbeKind.NONE:
        raise Invalid(f"{what} is ready when its probe answers, and has none", hint="add probe:")


def _check_probe(what: str, component: Component) -> None:
    probe = component.probe
    if probe.kind is ProbeKind.NONE:
        return
    checked_text(probe.address, "probe.address", 255)
    if not probe.address or any(mark in probe.address for mark in " /@?#"):
        hint = "a name or an IP; {vm} stands for the VM's name"
        raise Invalid(f"{what}: the probe has no address", hint=hint)
    if not 1 <= probe.port <= 65535:
        raise Invalid(f"{what}: {probe.port} is no port", hint="use 1 to 65535")
    checked_text(probe.path, "probe.path", 1000)
    if not probe.path.startswith("/") or " " in probe.path or not probe.path.isascii():
        raise Invalid(f"{what}: {probe.path[:80]!r} is no path", hint="begin it with /")
