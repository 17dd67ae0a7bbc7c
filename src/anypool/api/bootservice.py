"""The routes of boot hosts: who boots from them as whom, and what."""

from typing import Annotated

from litestar import get, post
from litestar.params import JSONBody
from msgspec import Meta, Struct

from anypool.api.asking import By, DryRun, Key, Use
from anypool.api.vms import Text
from anypool.model import VmId
from anypool.model.boothost import BootTarget, DiskCopy, ImageDeed, ImageOrder, ServerImage
from anypool.planner.profiles.booting import Difference
from anypool.service.bootservice import BootStatus

Command = Annotated[str, Meta(max_length=1000)]


class BootEntryView(Struct, frozen=True, kw_only=True):
    """A server that boots as a profile; `runs` and `next` are versions of its image, 0 for none.

    `started_at` is when it took its boot script last, null if it has not yet.
    """

    profile: str
    profile_id: str
    epoch: int
    server: str
    server_id: str
    mac: str
    ip: str
    image: str
    runs: int
    next: int
    started_at: float | None
    problem: str


class DifferenceView(Struct, frozen=True, kw_only=True):
    """An entry that is not as it is to be: missing, stale, changed or strange."""

    what: str
    profile: str
    server: str
    epoch: int


class BootHostView(Struct, frozen=True, kw_only=True):
    """A boot host, deep: its parts, entries, targets with who is logged in, images, copies.

    `well` is true where it answers, nothing is amiss and nothing is a problem there.
    """

    id: str
    uri: str
    pool: str
    answers: bool
    message: str
    well: bool
    dhcp: bool
    targets_answer: bool
    entries: tuple[BootEntryView, ...]
    targets: tuple[BootTarget, ...]
    images: tuple[ServerImage, ...]
    copies: tuple[DiskCopy, ...]
    problems: tuple[str, ...]
    amiss: tuple[DifferenceView, ...]


class BootHostsView(Struct, frozen=True, kw_only=True):
    """All boot hosts."""

    items: tuple[BootHostView, ...]
    total: int


class AmissView(Struct, frozen=True, kw_only=True):
    """What was brought into line, or would be."""

    items: tuple[DifferenceView, ...]


class ImageBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to do to an image of a boot host.

    `add` takes files of its import folder, by part: `disk.raw`, `kernel`, `initrd`; `cmdline`
    is for the kernel. `capture` takes the disk of a profile whose server is off. Both give it
    the next number of the catalogue, or `version`: what it is elsewhere already. `choose` makes
    a version current: it is taken at the next start. `forget` deletes one.
    """

    deed: ImageDeed
    version: int = 0
    parts: dict[Text, Text] = {}
    cmdline: Command = ""
    profile: Text = ""


class DeployBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which profiles boot an image from their next start on: `NAME` or `NAME:VERSION`."""

    image: Text
    profiles: Annotated[tuple[Text, ...], Meta(max_length=500)]


class VersionView(Struct, frozen=True, kw_only=True):
    """A version of an image."""

    image: str
    version: int


@get("/boot-hosts", sync_to_thread=True)
def list_boot_hosts(services: Use, by: By) -> BootHostsView:
    """List boot hosts, as they were read last."""
    items = tuple(_view(services, by, one) for one in services.boot_service.list(by))
    return BootHostsView(items=items, total=len(items))


@get("/boot-hosts/{key:str}", sync_to_thread=True)
def show_boot_host(services: Use, by: By, key: Key) -> BootHostView:
    """Read a boot host now, and show it."""
    return _view(services, by, services.boot_service.look(by, key))


@post("/boot-hosts/{key:str}/configure", status_code=200, sync_to_thread=True)
def configure_boot_host(services: Use, by: By, key: Key, dry_run: DryRun = False) -> AmissView:
    """Have a boot host serve what the profiles say, or only tell what is amiss."""
    found = services.boot_service.configure(by, key, dry_run=dry_run)
    return AmissView(items=_amiss(services, by, found))


@post("/boot-hosts/{key:str}/images/{name:str}", status_code=200, sync_to_thread=True)
def change_server_image(
    services: Use, by: By, key: Key, name: Key, data: JSONBody[ImageBody]
) -> VersionView:
    """Add, capture, choose or forget a version of an image for servers."""
    order = ImageOrder(
        deed=data.deed,
        name=name,
        version=data.version,
        parts=tuple(sorted(data.parts.items())),
        cmdline=data.cmdline,
        profile=data.profile,
    )
    version = services.boot_service.change_image(by, key, order)
    return VersionView(image=name, version=version)


@post("/boot-hosts/{key:str}/deploy", status_code=200, sync_to_thread=True)
def deploy_server_image(services: Use, by: By, key: Key, data: JSONBody[DeployBody]) -> AmissView:
    """Have profiles boot an image from their next start on; disks are made in the background."""
    found = services.boot_service.deploy(by, key, data.image, data.profiles)
    return AmissView(items=_amiss(services, by, found))


def _view(services: Use, by: By, status: BootStatus) -> BootHostView:
    host = status.host
    names = _Names(services, by)
    amiss = _amiss(services, by, status.amiss)
    entries = tuple(
        BootEntryView(
            profile=names.profile(one.profile),
            profile_id=one.profile,
            epoch=one.epoch,
            server=names.server(one.server),
            server_id=one.server,
            mac=one.macs[0] if one.macs else "",
            ip=one.ip,
            image=one.image,
            runs=one.runs,
            next=one.next,
            started_at=one.served_at or None,
            problem=one.problem,
        )
        for one in (() if host is None else host.entries)
    )
    problems = () if host is None else host.problems
    return BootHostView(
        id=status.endpoint.id,
        uri=status.endpoint.uri,
        pool=status.endpoint.pool,
        answers=status.answers,
        message=status.message,
        well=status.answers and host is not None and not (problems or amiss),
        dhcp=host is not None and host.dhcp,
        targets_answer=host is not None and host.targets_answer,
        entries=entries,
        targets=() if host is None else host.targets,
        images=() if host is None else host.images,
        copies=() if host is None else host.copies,
        problems=problems,
        amiss=amiss,
    )


class _Names:
    """What people know profiles and servers by."""

    def __init__(self, services: Use, by: By) -> None:
        self._inventory = services.pool.inventory(by)

    def profile(self, key: str) -> str:
        """Return the name of a profile, its id where it is not known."""
        found = {str(one.id): one.name for one in self._inventory.profiles.values()}
        return found.get(key, key)

    def server(self, key: str) -> str:
        """Return the name of a server, or of a VM that boots as one; its id if not known."""
        found = {str(one.id): one.name for one in self._inventory.servers.values()}
        vm = self._inventory.vms.get(VmId(key))
        return found.get(key, key) if vm is None else vm.name


def _amiss(services: Use, by: By, found: tuple[Difference, ...]) -> tuple[DifferenceView, ...]:
    names = _Names(services, by)
    return tuple(
        DifferenceView(
            what=one.what,
            profile=names.profile(one.profile),
            server=names.server(one.server),
            epoch=one.epoch,
        )
        for one in found
    )


ROUTES = (
    list_boot_hosts,
    show_boot_host,
    configure_boot_host,
    change_server_image,
    deploy_server_image,
)
