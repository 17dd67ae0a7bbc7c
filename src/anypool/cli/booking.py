"""`anypool booking`: room that is kept on hosts for VMs to come."""

from dataclasses import dataclass
from typing import Annotated

from cyclopts import App, Parameter

from anypool.cli.client import key
from anypool.cli.connection import HERE, Where, connected
from anypool.cli.output import Column, show_list, show_one
from anypool.cli.terminal import clean, out
from anypool.cli.words import mib, moment, to_mib

app = App(name="booking", help="Bookings: room that is kept on a host for a VM to come.")


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Wants:
    """What a VM to come needs of its host, beside memory."""

    vcpus: Annotated[int, Parameter(help="virtual CPUs")] = 1
    cpu_model: Annotated[str, Parameter(help="a CPU model the host must offer")] = ""
    datastore: Annotated[tuple[str, ...], Parameter(help="a datastore it must reach")] = ()
    network: Annotated[tuple[str, ...], Parameter(help="a network it must have")] = ()
    tag: Annotated[tuple[str, ...], Parameter(help="a tag of the VM, for policies")] = ()
    seconds: Annotated[float, Parameter(help="for how long the room is kept")] = 600.0


ANYTHING = Wants()

COLUMNS = (
    Column("ID", lambda one: one["id"]),
    Column("FOR", lambda one: one["name"]),
    Column("HOST", lambda one: one["host"]),
    Column("MEMORY", lambda one: mib(one["memory_mib"])),
    Column("VCPUS", lambda one: one["vcpus"]),
    Column("BY", lambda one: one["by"]),
    Column("UNTIL", lambda one: moment(one["until"])),
    Column("MADE", lambda one: moment(one["made_at"]), wide=True),
)


@app.command(name="list")
def list_(*, where: Where = HERE) -> None:
    """List the room that is kept, oldest first."""
    with connected(where) as client:
        show_list(client.get("/bookings")["items"], COLUMNS, where.output)


@app.command
def make(
    name: str,
    memory: Annotated[str, Parameter(help="memory of the VM, such as 4GiB")],
    /,
    *,
    wants: Wants = ANYTHING,
    where: Where = HERE,
) -> None:
    """Keep room for a VM to come on the best host, and say which that is."""
    body = {
        "name": name,
        "memory_mib": to_mib(memory),
        "vcpus": wants.vcpus,
        "cpu_model": wants.cpu_model,
        "datastores": list(wants.datastore),
        "networks": list(wants.network),
        "tags": list(wants.tag),
        "for_s": wants.seconds,
    }
    with connected(where) as client:
        show_one(client.post("/bookings", body), COLUMNS, where.output)


@app.command
def drop(booking: str, /, *, where: Where = HERE) -> None:
    """End a booking before its time; the room is free again."""
    with connected(where) as client:
        client.delete(f"/bookings/{key(booking)}")
    out().print(clean(f"{booking} has ended"), markup=False)
