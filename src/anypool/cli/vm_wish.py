"""What can be said about a VM to be made or changed, as options."""

from dataclasses import dataclass
from typing import Annotated

from cyclopts import Parameter

from anypool.cli.client import Json
from anypool.cli.words import to_mib, with_unit
from anypool.errors import Invalid


@Parameter(name="*", group="The VM")
@dataclass(frozen=True, kw_only=True)
class NewVm:
    """A VM to be made from an image; what is left out the image or the pool decides."""

    image: Annotated[str, Parameter(help="image it is made from: web, web:3 or sha256:...")]
    count: Annotated[int, Parameter(help="how many")] = 1
    vcpus: Annotated[int, Parameter(help="virtual CPUs")] = 1
    max_vcpus: Annotated[int, Parameter(help="how far it can grow while it runs")] = 0
    memory: Annotated[str, Parameter(help="memory, such as 512MiB")] = ""
    max_memory: Annotated[str, Parameter(help="how far it can grow while it runs")] = ""
    disk: Annotated[str, Parameter(help="size of its disk, such as 10GiB")] = ""
    network: Annotated[
        tuple[str, ...], Parameter(negative="", help="network to attach to; may be repeated")
    ] = ()
    host: Annotated[str, Parameter(help="host it is made on")] = ""
    datastore: Annotated[str, Parameter(help="datastore of its disk")] = ""
    booking: Annotated[str, Parameter(help="room kept for it: a booking's id or name")] = ""
    tag: Annotated[tuple[str, ...], Parameter(negative="", help="tag; may be repeated")] = ()
    stopped: Annotated[bool, Parameter(help="do not start it")] = False
    shareable: Annotated[
        bool, Parameter(help="its disk carries no write lock (for clustered file systems)")
    ] = False
    cmdline: Annotated[str, Parameter(help="kernel command line, if its kernel is direct")] = ""

    def body(self) -> Json:
        """Return the request; raise `Invalid` for what is no size."""
        given = {
            "max_vcpus": self.max_vcpus,
            "memory": with_unit(self.memory),
            "max_memory": with_unit(self.max_memory),
            "disk": with_unit(self.disk),
            "networks": list(self.network),
            "host": self.host,
            "datastore": self.datastore,
            "booking": self.booking,
            "tags": list(self.tag),
            "shareable": self.shareable,
            "cmdline": self.cmdline,
        }
        fixed = {"image": self.image, "count": self.count, "vcpus": self.vcpus}
        chosen = {name: value for name, value in given.items() if value}
        return {**fixed, "start": not self.stopped, **chosen}


@Parameter(name="*", group="The VM")
@dataclass(frozen=True, kw_only=True)
class NewClone:
    """A VM to be made like another one; what is left out is as there."""

    vcpus: Annotated[int | None, Parameter(help="virtual CPUs")] = None
    memory: Annotated[str, Parameter(help="memory, such as 2GiB")] = ""
    network: Annotated[
        tuple[str, ...], Parameter(negative="", help="network to attach to; may be repeated")
    ] = ()
    host: Annotated[str, Parameter(help="host it is made on")] = ""
    tag: Annotated[tuple[str, ...], Parameter(negative="", help="tag; may be repeated")] = ()
    stopped: Annotated[bool, Parameter(help="do not start it")] = False

    def body(self) -> Json:
        """Return the request; raise `Invalid` for what is no size."""
        given = {
            "vcpus": self.vcpus,
            "memory": with_unit(self.memory),
            "networks": list(self.network),
            "host": self.host,
            "tags": list(self.tag),
        }
        chosen = {name: value for name, value in given.items() if value}
        return {"start": not self.stopped, **chosen}


LIKE = NewClone()


@Parameter(name="*", group="The change")
@dataclass(frozen=True, kw_only=True)
class Change:
    """What to change; what is left out stays."""

    vcpus: Annotated[int | None, Parameter(help="virtual CPUs")] = None
    memory: Annotated[str, Parameter(help="memory, such as 2GiB")] = ""
    cpu_shares: Annotated[int | None, Parameter(help="weight against other VMs")] = None
    cpu_limit: Annotated[int | None, Parameter(help="percent of one CPU; 150 is 1.5 CPUs")] = None
    io_weight: Annotated[int | None, Parameter(help="weight of its disks, 1 to 1000")] = None
    memory_limit: Annotated[str, Parameter(help="most memory it may use on its host")] = ""
    memory_reserved: Annotated[str, Parameter(help="memory that is promised to it")] = ""

    def body(self, resources: Json) -> Json:
        """Return the request; raise `Invalid` when nothing is to change.

        `resources` are the VM's as they are, which a change of one of them must repeat.
        """
        wanted = {
            "cpu_shares": self.cpu_shares,
            "cpu_limit_percent": self.cpu_limit,
            "io_weight": self.io_weight,
            "memory_limit_mib": to_mib(self.memory_limit) if self.memory_limit else None,
            "memory_reserved_mib": to_mib(self.memory_reserved) if self.memory_reserved else None,
        }
        chosen = {name: value for name, value in wanted.items() if value is not None}
        body: Json = {"resources": resources | chosen} if chosen else {}
        if self.vcpus is not None:
            body["vcpus"] = self.vcpus
        if self.memory:
            body["memory"] = with_unit(self.memory)
        if not body:
            raise Invalid("nothing to change", hint="name --vcpus, --memory or another option")
        return body


NOTHING = Change()
"""What holds when no option says otherwise."""
