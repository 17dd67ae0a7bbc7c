"""`anypool vm`: list, make, run, move and change VMs."""

from typing import Annotated

from cyclopts import App, Parameter

from anypool.cli import labels, vm_console, vm_copies, vm_parts
from anypool.cli.client import Json, key
from anypool.cli.connection import HERE, Where, connected
from anypool.cli.deeds import PLAINLY, TAKING, How, Taking, do
from anypool.cli.history import LAST_HOUR, Period, show_history
from anypool.cli.host import retag
from anypool.cli.lists import EVERY, Which, show_all
from anypool.cli.output import Column, show_one
from anypool.cli.vm_wish import LIKE, NOTHING, Change, NewClone, NewVm
from anypool.cli.words import mib, size
from anypool.search import Noun

app = App(name="vm", help="VMs.")
app.command(vm_console.console)
app.command(vm_parts.disk)
app.command(vm_parts.nic)
app.command(vm_parts.snapshot)
app.command(vm_copies.copies)
app.command(vm_copies.remove_copy)
app.command(labels.label_vm, name="label")
app.command(labels.template)
app.command(labels.untemplate)


def _image(vm: Json) -> str:
    """Return the version a VM was made from, and what is to be known of it."""
    if (made := vm.get("image")) is None:
        return "-"
    name = made["name"] or f"{made['id']}:{made['version']}"
    state = _STATES.get(made["state"], made["state"])
    return f"{name} ({state})" if state else str(name)


def _agent(agent: Json) -> str:
    """Return how the agent in a guest answers, and why a silent one is left alone."""
    if not agent["judged"]:
        return "unknown (no policy asks)"
    if agent["why"]:
        return f"{agent['state']}: {agent['why']}"
    never = "" if agent["heard"] or agent["state"] in ("none", "unknown") else " (never heard)"
    return f"{agent['state']}{never}"


_STATES = {
    "newest": "",
    "older": "there is a newer one",
    "changed": "its volume was changed in place",
    "gone": "forgotten",
}

COLUMNS = (
    Column("NAME", lambda vm: vm["name"]),
    Column("STATE", lambda vm: vm["state"]),
    Column("HOST", lambda vm: vm["host_name"] or vm["host"]),
    Column("VCPUS", lambda vm: vm["vcpus"]),
    Column("MEMORY", lambda vm: mib(vm["memory_mib"])),
    Column("TAGS", lambda vm: vm["tags"]),
    Column("PLACE", lambda vm: vm["place"], wide=True),
    Column("RESOURCE POOL", lambda vm: vm["resource_pool"], wide=True),
    Column("LABELS", lambda vm: vm["labels"], wide=True),
    Column("IMAGE", lambda vm: _image(vm), wide=True),
    Column("DISKS", lambda vm: size(sum(d["size_bytes"] for d in vm["disks"])), wide=True),
    Column("MACS", lambda vm: [nic["mac"] for nic in vm["nics"]], wide=True),
    Column("SNAPSHOTS", lambda vm: [one["name"] for one in vm["snapshots"]], wide=True),
    Column("ID", lambda vm: vm["id"], wide=True),
)
ALL = (
    *(Column(column.title, column.value) for column in COLUMNS if column.title != "DISKS"),
    Column("CPU MODEL", lambda vm: vm["cpu_model"]),
    Column("DISKS", lambda vm: [f"{d['target']} {size(d['size_bytes'])}" for d in vm["disks"]]),
    Column("ALSO SEEN ON", lambda vm: [f"{c['host']} ({c['state']})" for c in vm["copies"]]),
    Column("SAME ID AS", lambda vm: vm["twins"]),
    Column("TEMPLATE", lambda vm: vm["template"]),
    Column("ENDED UNSEEN", lambda vm: vm.get("unseen", False)),
    Column("AGENT", lambda vm: _agent(vm["agent"])),
)

_QUESTIONS = {
    "power-off": "Cut the power of {name}? What its guest has not written is lost.",
    "reset": "Reset {name}? What its guest has not written is lost.",
}


@app.command(name="list")
def list_(*, which: Which = EVERY, where: Where = HERE) -> None:
    """List VMs."""
    show_all("/vms", Noun.VM, COLUMNS, which, where)


@app.command
def show(name: str, /, *, where: Where = HERE) -> None:
    """Show one VM, by name or id."""
    with connected(where) as client:
        show_one(client.get(f"/vms/{key(name)}"), ALL, where.output)


@app.command
def create(
    name: str,
    /,
    *,
    wish: NewVm,
    how: Taking = TAKING,
    where: Where = HERE,
) -> int:
    """Make one or more VMs from an image; with --count 2 they are NAME-1 and NAME-2."""
    body = {"name": name, **wish.body()}
    return do(where, how, lambda client, dry: client.post("/vms", body, dry_run=dry, **how.query))


@app.command
def clone(
    source: str,
    name: str,
    /,
    *,
    wish: NewClone = LIKE,
    how: Taking = TAKING,
    where: Where = HERE,
) -> int:
    """Make a VM NAME like SOURCE, another VM or a template, with copies of its disks (vSphere)."""
    body, path = {"name": name, **wish.body()}, f"/vms/{key(source)}/clone"
    return do(where, how, lambda client, dry: client.post(path, body, dry_run=dry, **how.query))


@app.command(name="move-disks")
def move_disks(name: str, datastore: str, /, *, how: Taking = TAKING, where: Where = HERE) -> int:
    """Move the disks of a VM to another datastore of its host, while it runs or not."""
    body, path = {"datastore": datastore}, f"/vms/{key(name)}/move-disks"
    return do(where, how, lambda client, dry: client.post(path, body, dry_run=dry, **how.query))


@app.command
def start(name: str, /, *, how: Taking = TAKING, where: Where = HERE) -> int:
    """Start a VM."""
    return _deed(name, "start", how, where)


@app.command
def stop(
    name: str,
    /,
    *,
    force: Annotated[bool, Parameter(help="cut its power instead of asking its guest")] = False,
    how: How = PLAINLY,
    where: Where = HERE,
) -> int:
    """Shut a VM down."""
    if force:
        return _deed(name, "power-off", how, where)
    return _deed(name, "shut-down", how, where)


@app.command
def reboot(name: str, /, *, how: How = PLAINLY, where: Where = HERE) -> int:
    """Ask the guest of a VM to restart."""
    return _deed(name, "reboot", how, where)


@app.command
def reset(name: str, /, *, how: How = PLAINLY, where: Where = HERE) -> int:
    """Press the reset button of a VM."""
    return _deed(name, "reset", how, where)


@app.command
def pause(name: str, /, *, how: How = PLAINLY, where: Where = HERE) -> int:
    """Stop the CPUs of a VM; its memory stays."""
    return _deed(name, "pause", how, where)


@app.command
def resume(name: str, /, *, how: How = PLAINLY, where: Where = HERE) -> int:
    """Let a paused VM run on."""
    return _deed(name, "resume", how, where)


@app.command
def migrate(
    name: str,
    /,
    *,
    to: Annotated[str, Parameter(help="the host to go to; the best one if left out")] = "",
    how: Taking = TAKING,
    where: Where = HERE,
) -> int:
    """Move a running VM to another host without stopping it."""
    return _deed(name, "migrate", how, where, {"host": to} if to else {})


@app.command
def rename(name: str, new: str, /, *, how: How = PLAINLY, where: Where = HERE) -> int:
    """Give a stopped VM another name."""
    return _deed(name, "rename", how, where, {"name": new})


@app.command
def change(
    name: str, /, *, wish: Change = NOTHING, how: Taking = TAKING, where: Where = HERE
) -> int:
    """Change CPUs, memory, shares or limits of a VM, also while it runs."""
    wish.body({})
    with connected(where) as client:
        resources = client.get(f"/vms/{key(name)}")["resources"]
    return _deed(name, "reconfigure", how, where, wish.body(resources))


@app.command
def delete(
    name: str,
    /,
    *,
    volumes: Annotated[bool, Parameter(help="its disks, too")] = False,
    how: How = PLAINLY,
    where: Where = HERE,
) -> int:
    """Delete a stopped VM; its volumes stay unless --volumes is given."""
    what = f"{name} and its volumes" if volumes else name
    path = f"/vms/{key(name)}"
    return do(
        where,
        how,
        lambda client, dry: client.delete(path, volumes=volumes, dry_run=dry),
        question=f"Delete {what}? There is no way back.",
    )


@app.command
def history(name: str, /, *, period: Period = LAST_HOUR, where: Where = HERE) -> None:
    """Show how busy a VM was: a line for each metric, plots with -o wide."""
    show_history("/vms", name, period, where)


@app.command
def tag(
    name: str,
    /,
    *tags: Annotated[str, Parameter(help="TAG adds it, ^TAG takes it away")],
    where: Where = HERE,
) -> None:
    """Add tags to a VM, or take away those given as `^TAG`."""
    retag("/vms", name, tags, where)


def _deed(name: str, verb: str, how: How, where: Where, body: Json | None = None) -> int:
    path = f"/vms/{key(name)}/{verb}"
    question = _QUESTIONS.get(verb, "").format(name=name)
    query = how.query if isinstance(how, Taking) else {}
    return do(
        where,
        how,
        lambda client, dry: client.post(path, body, dry_run=dry, **query),
        question=question,
    )
