"""`anypool service`: applications with components, started and stopped in order."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from anypool.cli.client import Json, key
from anypool.cli.connection import HERE, Where, connected
from anypool.cli.deeds import PLAINLY, TAKING, How, Taking, begun, do
from anypool.cli.files import parsed
from anypool.cli.lists import EVERY, Which, show_all
from anypool.cli.output import Column, show_list, show_one
from anypool.cli.preview import show_plan
from anypool.cli.terminal import confirm, note
from anypool.cli.words import to_bytes, to_mib
from anypool.errors import Invalid
from anypool.search import Noun

app = App(name="service", help="Services: applications with components.")

COLUMNS = (
    Column("NAME", lambda service: service["id"]),
    Column("STATE", lambda service: service["state"]),
    Column("RUNNING", lambda service: _running(service)),
    Column("UNHEALTHY", lambda service: _unhealthy(service)),
    Column("COMPONENTS", lambda service: [one["name"] for one in service["components"]]),
    Column("DESCRIPTION", lambda service: service["description"]),
)
MEMBERS = (
    Column("COMPONENT", lambda member: member["component"]),
    Column("MACHINE", lambda member: member["name"]),
    Column("STATE", lambda member: member["state"]),
    Column("HEALTH", lambda member: member["health"]),
    Column("ON", lambda member: _bearer(member)),
)


@app.command(name="list")
def list_(*, which: Which = EVERY, where: Where = HERE) -> None:
    """List services."""
    show_all("/services", Noun.SERVICE, COLUMNS, which, where)


@app.command
def show(name: str, /, *, where: Where = HERE) -> None:
    """Show one service as it was declared."""
    with connected(where) as client:
        show_one(client.get(f"/services/{key(name)}"), COLUMNS, where.output)


@app.command
def status(name: str, /, *, where: Where = HERE) -> None:
    """Show the VMs of a service, whether they run and what their probes say."""
    with connected(where) as client:
        service = client.get(f"/services/{key(name)}")
        show_list(service["members"], MEMBERS, where.output)
        if where.output in ("table", "wide"):
            note(f"{service['id']} is {service['state']}")


@app.command
def apply(
    file: Annotated[Path, Parameter(help="declaration, in YAML or JSON")],
    /,
    *,
    how: How = PLAINLY,
    where: Where = HERE,
) -> int:
    """Declare a service by a file, and make the VMs that it lacks; they are not started."""
    body = read(file)
    with connected(where) as client:
        applied = client.post("/services", body, dry_run=how.dry_run)
        if how.dry_run and applied["plan"] is not None:
            show_plan(client, applied["plan"], where.output)
            return 0
        if applied["operation"] is not None:
            return begun(client, where, how, applied["operation"])
        show_list([applied["service"]], COLUMNS, where.output)
        return 0


@app.command
def start(name: str, /, *, how: Taking = TAKING, where: Where = HERE) -> int:
    """Start what does not run, in order, each when what it needs is ready."""
    path = f"/services/{key(name)}/start"
    return do(where, how, lambda client, dry: client.post(path, dry_run=dry, **how.query))


@app.command
def stop(name: str, /, *, how: How = PLAINLY, where: Where = HERE) -> int:
    """Shut down what runs, in reverse order."""
    path = f"/services/{key(name)}/stop"
    return do(where, how, lambda client, dry: client.post(path, dry_run=dry))


@app.command
def move(
    component: Annotated[str, Parameter(help="SERVICE/COMPONENT; it has a profile")],
    /,
    *,
    to: Annotated[
        str, Parameter(help="server, vm, or the name of a server, of a slot, or of a host for VMs")
    ],
    force: Annotated[
        bool, Parameter(help="switch off without asking the operating system", negative="")
    ] = False,
    how: How = PLAINLY,
    where: Where = HERE,
) -> int:
    """Move a component between servers and VMs: it keeps its addresses, its name and its disk.

    It is stopped and seen to be off or gone, then started there, and counts as moved when its
    probe answers.
    """
    service, slash, name = component.partition("/")
    if not (service and slash and name):
        raise Invalid(f"{component!r} names no component", hint="write SERVICE/COMPONENT")
    path = f"/services/{key(service)}/move"
    body = {"component": name, "to": to} | ({"force": True} if force else {})
    question = f"Move {component}? It is stopped for that."
    return do(
        where, how, lambda client, dry: client.post(path, body, dry_run=dry), question=question
    )


@app.command
def remove(
    name: str,
    /,
    *,
    yes: Annotated[bool, Parameter(name=("--yes", "-y"), help="agree beforehand")] = False,
    where: Where = HERE,
) -> None:
    """Forget a service; its VMs stay as they are."""
    with connected(where) as client:
        confirm(f"Forget the service {name}? Its VMs stay as they are.", yes=yes)
        client.delete(f"/services/{key(name)}")
        note(f"there is no service {name} any more")


def read(file: Path) -> Json:
    """Return a declaration; sizes may be written as `memory: 1GiB` and `disk: 20GiB`."""
    found = parsed(file)
    if not isinstance(found, dict):
        raise Invalid(f"{file} declares no service", hint="begin with `name:` and `components:`")
    components = found.get("components")
    if isinstance(components, list):
        found["components"] = [_sized(one) if isinstance(one, dict) else one for one in components]
    return found


def _sized(component: Json) -> Json:
    sized = dict(component)
    if "memory" in sized:
        sized["memory_mib"] = to_mib(str(sized.pop("memory")))
    if "disk" in sized:
        sized["disk_bytes"] = to_bytes(str(sized.pop("disk")))
    return sized


def _bearer(member: Json) -> str:
    """Return where a machine is: a server, or as a VM on a host."""
    if member["server"] is not None:
        return f"server {member['place']}"
    return f"VM on {member['place']}" if member["place"] else ""


def _running(service: Json) -> str:
    members = service["members"]
    return f"{sum(one['state'] == 'running' for one in members)}/{len(members)}"


def _unhealthy(service: Json) -> int:
    return sum(one["health"] == "unhealthy" for one in service["members"])
