"""The routes of VMs as a whole; devices and snapshots have files of their own."""

from typing import Annotated

from litestar import Response, delete, get, patch, post
from litestar.params import JSONBody, QueryParameter
from msgspec import Meta, Struct
from msgspec.structs import asdict

from anypool.api.asking import (
    PREVIEW,
    By,
    DryRun,
    IfMatch,
    Key,
    Room,
    Searched,
    Use,
    expected,
    proposed,
    tagged,
)
from anypool.api.planviews import Accepted
from anypool.api.views import ListView, VmView, list_view, vm_view
from anypool.model import Resources, Vm, VmChange
from anypool.model.units import MIB, parse_size
from anypool.service import Principal, Services
from anypool.service.cloning import NewClone
from anypool.service.vms import Power
from anypool.service.wishes import NewVm

Size = Annotated[str, Meta(max_length=40, description="a size, such as `512MiB` or `1.5 GiB`")]
Text = Annotated[str, Meta(max_length=4000)]
Count = Annotated[int, Meta(ge=1, le=1000)]
Cpus = Annotated[int, Meta(ge=1, le=1024)]


class NewVmBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """VMs to make of an image; with `count` above 1 they are called `name-1`, `name-2`, ...

    `booking` is room that was kept for them, by its id or the name it was kept under.
    """

    name: Text
    image: Text
    count: Count = 1
    vcpus: Cpus = 1
    max_vcpus: Cpus | None = None
    memory: Size | None = None
    max_memory: Size | None = None
    disk: Size | None = None
    networks: tuple[Text, ...] | None = None
    host: Text | None = None
    datastore: Text | None = None
    start: bool = True
    tags: tuple[Text, ...] = ()
    shareable: bool = False
    cmdline: Text | None = None
    booking: Text | None = None


class CloneBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A VM to make like another one or like a template; what is left out is as there.

    Its adapters have new addresses, on `networks` or on those of the source.
    """

    name: Text
    vcpus: Cpus | None = None
    memory: Size | None = None
    networks: tuple[Text, ...] | None = None
    host: Text | None = None
    start: bool = True
    tags: tuple[Text, ...] = ()


class VmPatch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is ours about a VM; tags are replaced as a whole."""

    tags: tuple[Text, ...]


class Target(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where to; left out, the best host is chosen."""

    host: Text | None = None


class NewPlace(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where disks are to be, by name or id."""

    datastore: Text


class NewName(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A name."""

    name: Text


class ResourcesBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Shares, limits and reservations; 0 means the platform's default."""

    cpu_shares: int = 0
    cpu_limit_percent: int = 0
    io_weight: int = 0
    memory_limit_mib: int = 0
    memory_reserved_mib: int = 0


class Reconfiguration(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change; what is left out stays."""

    vcpus: Cpus | None = None
    memory: Size | None = None
    resources: ResourcesBody | None = None


@get("/vms", sync_to_thread=True)
def list_vms(services: Use, by: By, search: Searched) -> ListView[VmView]:
    """List VMs."""
    inventory, loads = services.pool.inventory(by), services.pool.loads(by)
    found = services.vms.list(by, search)
    return list_view(found, lambda vm: vm_view(vm, inventory, loads, services.ha.agent(vm.id)))


@post("/vms", status_code=202, responses=PREVIEW, sync_to_thread=True)
def create_vm(services: Use, by: By, data: JSONBody[NewVmBody], room: Room) -> Response[Accepted]:
    """Make VMs of an image; ids, addresses and volume names are chosen here."""
    asked = new_vm(data)
    return proposed(
        services, by, services.vms.create(by, asked, dry_run=room.dry_run, waive=room.waive)
    )


def new_vm(data: NewVmBody) -> NewVm:
    """Return what a request asks for; raise `Invalid` for what is no size."""
    return NewVm(
        name=data.name,
        image=data.image,
        count=data.count,
        vcpus=data.vcpus,
        max_vcpus=data.max_vcpus or 0,
        memory_mib=_mib(data.memory),
        max_memory_mib=_mib(data.max_memory) or 0,
        disk_bytes=None if data.disk is None else parse_size(data.disk),
        networks=data.networks,
        host=data.host,
        datastore=data.datastore,
        start=data.start,
        tags=data.tags,
        shareable=data.shareable,
        cmdline=data.cmdline,
        booking=data.booking,
    )


@get("/vms/{key:str}", sync_to_thread=True)
def get_vm(services: Use, by: By, key: Key) -> Response[VmView]:
    """Show one VM."""
    vm = services.vms.get(by, key)
    return tagged(_view(services, by, vm), vm)


@patch("/vms/{key:str}", sync_to_thread=True)
def change_vm(
    services: Use, by: By, key: Key, data: JSONBody[VmPatch], if_match: IfMatch = None
) -> Response[VmView]:
    """Replace the tags of a VM."""
    vm = services.vms.tag(by, key, data.tags, expected=expected(if_match))
    return tagged(_view(services, by, vm), vm)


@delete("/vms/{key:str}", status_code=202, responses=PREVIEW, sync_to_thread=True)
def delete_vm(
    services: Use,
    by: By,
    key: Key,
    volumes: Annotated[bool, QueryParameter(description="delete its volumes too")] = False,
    dry_run: DryRun = False,
) -> Response[Accepted]:
    """Forget a stopped VM."""
    return proposed(services, by, services.vms.delete(by, key, volumes=volumes, dry_run=dry_run))


@post("/vms/{key:str}/clone", status_code=202, responses=PREVIEW, sync_to_thread=True)
def clone_vm(
    services: Use, by: By, key: Key, data: JSONBody[CloneBody], room: Room
) -> Response[Accepted]:
    """Make a VM like another one or like a template, where the platform copies whole VMs."""
    asked = NewClone(
        name=data.name,
        vcpus=data.vcpus,
        memory_mib=_mib(data.memory),
        networks=data.networks,
        host=data.host,
        start=data.start,
        tags=data.tags,
    )
    proposal = services.vms.clone(by, key, asked, dry_run=room.dry_run, waive=room.waive)
    return proposed(services, by, proposal)


@post("/vms/{key:str}/start", status_code=202, responses=PREVIEW, sync_to_thread=True)
def start_vm(services: Use, by: By, key: Key, room: Room) -> Response[Accepted]:
    """Start a stopped VM."""
    proposal = services.vms.start(by, key, dry_run=room.dry_run, waive=room.waive)
    return proposed(services, by, proposal)


@post("/vms/{key:str}/migrate", status_code=202, responses=PREVIEW, sync_to_thread=True)
def migrate_vm(
    services: Use, by: By, key: Key, data: JSONBody[Target], room: Room
) -> Response[Accepted]:
    """Migrate a running VM to another host."""
    proposal = services.vms.migrate(by, key, data.host, dry_run=room.dry_run, waive=room.waive)
    return proposed(services, by, proposal)


@post("/vms/{key:str}/move-disks", status_code=202, responses=PREVIEW, sync_to_thread=True)
def move_disks(
    services: Use, by: By, key: Key, data: JSONBody[NewPlace], room: Room
) -> Response[Accepted]:
    """Move the disks of a VM to another datastore, while it runs or not."""
    proposal = services.vms.move_disks(
        by, key, data.datastore, dry_run=room.dry_run, waive=room.waive
    )
    return proposed(services, by, proposal)


@post("/vms/{key:str}/rename", status_code=202, responses=PREVIEW, sync_to_thread=True)
def rename_vm(
    services: Use, by: By, key: Key, data: JSONBody[NewName], dry_run: DryRun = False
) -> Response[Accepted]:
    """Rename a stopped VM."""
    return proposed(services, by, services.vms.rename(by, key, data.name, dry_run=dry_run))


@post("/vms/{key:str}/reconfigure", status_code=202, responses=PREVIEW, sync_to_thread=True)
def reconfigure_vm(
    services: Use, by: By, key: Key, data: JSONBody[Reconfiguration], room: Room
) -> Response[Accepted]:
    """Change CPUs, memory or shares."""
    resources = None if data.resources is None else Resources(**asdict(data.resources))
    change = VmChange(vcpus=data.vcpus, memory_mib=_mib(data.memory), resources=resources)
    proposal = services.vms.reconfigure(by, key, change, dry_run=room.dry_run, waive=room.waive)
    return proposed(services, by, proposal)


@post("/vms/{key:str}/shut-down", status_code=202, responses=PREVIEW, sync_to_thread=True)
def shut_down_vm(services: Use, by: By, key: Key, dry_run: DryRun = False) -> Response[Accepted]:
    """Ask the guest to stop."""
    return _power(services, by, key, Power.SHUT_DOWN, dry_run)


@post("/vms/{key:str}/power-off", status_code=202, responses=PREVIEW, sync_to_thread=True)
def power_off_vm(services: Use, by: By, key: Key, dry_run: DryRun = False) -> Response[Accepted]:
    """Stop a VM without asking the guest."""
    return _power(services, by, key, Power.POWER_OFF, dry_run)


@post("/vms/{key:str}/reboot", status_code=202, responses=PREVIEW, sync_to_thread=True)
def reboot_vm(services: Use, by: By, key: Key, dry_run: DryRun = False) -> Response[Accepted]:
    """Ask the guest to restart."""
    return _power(services, by, key, Power.REBOOT, dry_run)


@post("/vms/{key:str}/reset", status_code=202, responses=PREVIEW, sync_to_thread=True)
def reset_vm(services: Use, by: By, key: Key, dry_run: DryRun = False) -> Response[Accepted]:
    """Restart a VM without asking the guest."""
    return _power(services, by, key, Power.RESET, dry_run)


@post("/vms/{key:str}/pause", status_code=202, responses=PREVIEW, sync_to_thread=True)
def pause_vm(services: Use, by: By, key: Key, dry_run: DryRun = False) -> Response[Accepted]:
    """Stop the CPUs of a running VM."""
    return _power(services, by, key, Power.PAUSE, dry_run)


@post("/vms/{key:str}/resume", status_code=202, responses=PREVIEW, sync_to_thread=True)
def resume_vm(services: Use, by: By, key: Key, dry_run: DryRun = False) -> Response[Accepted]:
    """Let a paused VM run on."""
    return _power(services, by, key, Power.RESUME, dry_run)


def _power(services: Use, by: By, key: str, power: Power, dry_run: bool) -> Response[Accepted]:
    return proposed(services, by, services.vms.power(by, key, power, dry_run=dry_run))


def _mib(size: str | None) -> int | None:
    return None if size is None else parse_size(size) // MIB


ROUTES = (
    list_vms,
    create_vm,
    get_vm,
    change_vm,
    delete_vm,
    clone_vm,
    start_vm,
    migrate_vm,
    move_disks,
    rename_vm,
    reconfigure_vm,
    shut_down_vm,
    power_off_vm,
    reboot_vm,
    reset_vm,
    pause_vm,
    resume_vm,
)


def _view(services: Services, by: Principal, vm: Vm) -> VmView:
    known, loads = services.pool.inventory(by), services.pool.loads(by)
    return vm_view(vm, known, loads, services.ha.agent(vm.id))
