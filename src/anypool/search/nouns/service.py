"""What can be asked about a service."""

from collections.abc import Iterator

from anypool.model import Health, Inventory, KnownService, ServiceState, Vm
from anypool.search.field import Field, Join, Kind, Table
from anypool.search.syntax import Noun


def _vms(known: KnownService, inventory: Inventory) -> Iterator[Vm]:
    for member in known.members:
        if member.vm is not None and (vm := inventory.vms.get(member.vm)) is not None:
            yield vm


SERVICE: Table[KnownService] = Table(
    fields=(
        Field("name", Kind.TEXT, lambda known, _: known.id, "its name", free=True),
        Field(
            "description",
            Kind.TEXT,
            lambda known, _: known.service.description,
            "in words",
            free=True,
        ),
        Field(
            "state",
            Kind.ENUM,
            lambda known, _: known.state,
            "all of it in one word",
            tuple(ServiceState),
        ),
        Field(
            "component",
            Kind.SET,
            lambda known, _: [one.name for one in known.service.components],
            "names of its components",
            free=True,
        ),
        Field(
            "image",
            Kind.SET,
            lambda known, _: [one.image for one in known.service.components if one.image],
            "images its VMs are made from",
        ),
        Field("vms", Kind.NUMBER, lambda known, _: len(known.members), "number of its VMs"),
        Field(
            "unhealthy",
            Kind.NUMBER,
            lambda known, _: sum(one.health is Health.UNHEALTHY for one in known.members),
            "number of VMs whose probe has no good answer",
        ),
    ),
    joins=(Join("vm", Noun.VM, _vms, "its VMs"),),
)
