"""What can be asked about failures that have not happened, and the fates of VMs in them."""

from typing import Any

from anypool.model import FAILURE_KINDS, Priority
from anypool.search.field import Field, Kind, Table

KINDS = ("host", *FAILURE_KINDS, "datastore")

FAILURE: Table[Any] = Table(
    fields=(
        Field("name", Kind.TEXT, lambda one, _: one.name, "the host, tag or datastore", free=True),
        Field("kind", Kind.ENUM, lambda one, _: one.kind, "what fails", KINDS),
        Field("host", Kind.SET, lambda one, _: one.hosts, "names of the hosts that die"),
        Field("vms", Kind.NUMBER, lambda one, _: one.vms, "number of VMs it stops"),
        Field("lost", Kind.NUMBER, lambda one, _: one.lost, "number of VMs that do not restart"),
        Field("last", Kind.DURATION, lambda one, _: one.last_ms, "when the last VM starts"),
    ),
    totals=("vms", "lost"),
)

FATE: Table[Any] = Table(
    fields=(
        Field("vm", Kind.TEXT, lambda one, _: one.vm_name, "name of the VM", free=True),
        Field("failure", Kind.TEXT, lambda one, _: one.failure, "what fails", free=True),
        Field("kind", Kind.ENUM, lambda one, _: one.kind, "kind of what fails", KINDS),
        Field("from", Kind.TEXT, lambda one, _: one.home_name, "host it runs on", free=True),
        Field("to", Kind.TEXT, lambda one, _: one.host_name, "host where it restarts", free=True),
        Field("survives", Kind.BOOL, lambda one, _: one.fate.host is not None, "restarts or not"),
        Field("starts", Kind.DURATION, lambda one, _: one.fate.starts_ms, "when it starts"),
        Field("priority", Kind.ENUM, lambda one, _: one.priority, "of restart", tuple(Priority)),
        Field("why", Kind.TEXT, lambda one, _: one.code, "code of the reason: host.memory"),
    ),
)
