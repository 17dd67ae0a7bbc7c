"""`anypool host`: the servers that run VMs."""

from typing import Annotated

from cyclopts import App, Parameter

from anypool.cli import host_bmc, host_warden, labels
from anypool.cli.client import Client, Json, key
from anypool.cli.connection import HERE, Where, connected
from anypool.cli.deeds import PLAINLY, TAKING, How, Taking, do
from anypool.cli.endpoint import Tracelessly, erased
from anypool.cli.history import LAST_HOUR, Period, show_history
from anypool.cli.host_columns import ALL, COLUMNS
from anypool.cli.joining import add
from anypool.cli.lists import EVERY, Which, show_all, show_single
from anypool.cli.output import Column, show_list
from anypool.cli.terminal import clean, confirm, note
from anypool.cli.words import to_mib
from anypool.errors import Conflict, Invalid
from anypool.search import Noun

app = App(name="host", help="Hosts: the servers that run VMs.")


@app.command(name="list")
def list_(*, which: Which = EVERY, where: Where = HERE) -> None:
    """List hosts."""
    show_all("/hosts", Noun.HOST, COLUMNS, which, where)


@app.command
def show(name: str, /, *, where: Where = HERE) -> None:
    """Show one host, by name or id."""
    show_single("/hosts", name, ALL, where)


app.command(add)


@app.command
def remove(
    name: str,
    /,
    *,
    yes: Annotated[bool, Parameter(name=("--yes", "-y"), help="agree beforehand")] = False,
    leave_no_trace: Tracelessly = False,
    where: Where = HERE,
) -> int:
    """Stop managing a host; its VMs run on, untouched."""
    with connected(where) as client:
        host = client.get(f"/hosts/{key(name)}")
        _only_host(client, host)
        confirm(f"Stop managing {host['name']}? Its VMs stay as they are.", yes=yes)
        if leave_no_trace and (code := erased(client, host["endpoint"])) != 0:
            return code
        client.delete(f"/endpoints/{key(host['endpoint'])}")
        note(f"{host['name']} is not managed any more")
        return 0


@app.command
def evacuate(name: str, /, *, how: Taking = TAKING, where: Where = HERE) -> int:
    """Move all running VMs to other hosts and close the host (maintenance)."""
    path = f"/hosts/{key(name)}/evacuate"
    return do(where, how, lambda client, dry: client.post(path, dry_run=dry, **how.query))


@app.command
def leave(name: str, /, *, how: How = PLAINLY, where: Where = HERE) -> int:
    """Open a host again after maintenance."""
    path = f"/hosts/{key(name)}/leave-maintenance"
    return do(where, how, lambda client, dry: client.post(path, dry_run=dry))


@app.command
def ready(name: str, /, *, where: Where = HERE) -> None:
    """Say that a host is serviced that a rolling maintenance handed over."""
    with connected(where) as client:
        operation = client.post(f"/hosts/{key(name)}/ready")["operation"]
        note(f"operation {operation['id']} goes on as soon as {name} is seen up")


app.command(labels.label_host, name="label")
app.command(host_bmc.set_bmc)
app.command(host_bmc.unset_bmc)
app.command(host_warden.install_warden)
app.command(host_warden.uninstall_warden)
app.command(host_warden.warden_program)


@app.command(name="prove-wake")
def prove_wake(name: str, /, *, how: How = PLAINLY, where: Where = HERE) -> int:
    """Empty a host, switch it off and on again, and keep that it wakes.

    Only a host that was seen to wake is ever switched off to save power.
    """
    path = f"/hosts/{key(name)}/prove-wake"
    return do(where, how, lambda client, dry: client.post(path, dry_run=dry))


@app.command
def history(name: str, /, *, period: Period = LAST_HOUR, where: Where = HERE) -> None:
    """Show how busy a host was: a line for each metric, plots with -o wide."""
    show_history("/hosts", name, period, where)


@app.command
def tag(
    name: str,
    /,
    *tags: Annotated[str, Parameter(help="TAG adds it, ^TAG takes it away")],
    where: Where = HERE,
) -> None:
    """Add tags to a host, or take away those given as `^TAG`."""
    retag("/hosts", name, tags, where)


@app.command
def reserve(name: str, memory: str, /, *, where: Where = HERE) -> None:
    """Keep that much memory of a host from VMs, such as 2GiB; 0 for none."""
    size_mib = 0 if memory == "0" else to_mib(memory)
    with connected(where) as client:
        host = client.patch(f"/hosts/{key(name)}", {"reserved_mib": size_mib})
        show_list([host], COLUMNS, where.output)


def retag(path: str, name: str, tags: tuple[str, ...], where: Where) -> None:
    """Add and take away tags of any object, and print what it bears then."""
    if not tags:
        raise Invalid("no tag is named", hint="such as prod, or ^prod to take it away")
    with connected(where) as client:
        gone = {tag.removeprefix("^") for tag in tags if tag.startswith("^")}
        new = {tag for tag in tags if not tag.startswith("^")}
        row = client.change(
            f"{path}/{key(name)}", lambda old: {"tags": sorted((set(old["tags"]) | new) - gone)}
        )
        columns = (Column("NAME", lambda one: one["name"]), Column("TAGS", lambda one: one["tags"]))
        show_list([row], columns, where.output)


def _only_host(client: Client, host: Json) -> None:
    """Raise `Conflict` if other hosts would go with this one."""
    query = f'endpoint = "{host["endpoint"]}"'
    others = [one["name"] for one in client.items("/hosts", query=query) if one["id"] != host["id"]]
    if others:
        raise Conflict(
            clean(f"{', '.join(others)} are behind the same endpoint {host['endpoint']}"),
            hint=f"remove them all with `anypool endpoint remove {host['endpoint']}`",
        )
