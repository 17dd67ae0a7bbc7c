"""`anypool host`: the servers that run VMs."""

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlsplit

from cyclopts import App, Parameter

from anypool.cli import host_bmc
from anypool.cli.client import Client, Json, key
from anypool.cli.connection import HERE, Where, connected
from anypool.cli.deeds import PLAINLY, TAKING, How, Taking, do
from anypool.cli.endpoint import Tracelessly, erased
from anypool.cli.history import LAST_HOUR, Period, show_history
from anypool.cli.lists import EVERY, Which, show_all, show_single
from anypool.cli.output import Column, show_list
from anypool.cli.terminal import asks, clean, confirm, note, read_secret
from anypool.cli.words import mib, to_mib
from anypool.errors import Conflict, Invalid
from anypool.search import Noun

app = App(name="host", help="Hosts: the servers that run VMs.")

COLUMNS = (
    Column("NAME", lambda host: host["name"]),
    Column("STATE", lambda host: "maintenance" if _closed(host) else host["state"]),
    Column("VMS", lambda host: host["vms"]),
    Column("CPUS", lambda host: host["cpus"]),
    Column("MEMORY", lambda host: mib(host["memory_mib"])),
    Column("FREE", lambda host: mib(host["memory_free_mib"])),
    Column("HYPERVISOR", lambda host: host["hypervisor"]),
    Column("TAGS", lambda host: host["tags"]),
    Column("CLUSTER", lambda host: host["cluster"], wide=True),
    Column("PLACE", lambda host: host["place"], wide=True),
    Column("LABELS", lambda host: host["labels"], wide=True),
    Column("POOL", lambda host: host["pool"], wide=True),
    Column("OBSERVE ONLY", lambda host: host["observe_only"], wide=True),
    Column("RESERVED", lambda host: mib(host["reserved_mib"]), wide=True),
    Column("SAVES POWER", lambda host: host["power_saved"], wide=True),
    Column("SOCKETS", lambda host: host["sockets"], wide=True),
    Column("ARCH", lambda host: host["arch"], wide=True),
    Column("CPU MODEL", lambda host: host["cpu_model"], wide=True),
    Column("DATASTORES", lambda host: host["datastores"], wide=True),
    Column("NETWORKS", lambda host: host["networks"], wide=True),
    Column("ENDPOINT", lambda host: host["endpoint"], wide=True),
    Column("ID", lambda host: host["id"], wide=True),
)
ALL = (
    *(Column(column.title, column.value) for column in COLUMNS),
    Column("CAPABILITIES", lambda host: host["capabilities"]),
    Column("WITHHELD", lambda host: host["withheld"]),
    Column("PLATFORM", lambda host: host["platform"]),
    Column("ACCELERATORS", lambda host: host["accelerators"]),
    Column("POWER", lambda host: host_bmc.power(host["bmc"])),
    Column("BMC", lambda host: (host["bmc"] or {}).get("url")),
)
_WITH_PASSWORD = frozenset(
    {"vpx", "esx", "http", "https", "qemu+tls", "xen+tls", "winrm", "vsphere"}
)


@Parameter(name="*")
@dataclass(frozen=True)
class Joining:
    """How an endpoint joins."""

    name: Annotated[str, Parameter(help="name of the endpoint; made up if left out")] = ""
    pool: Annotated[str, Parameter(help="pool that its hosts join")] = "default"
    option: Annotated[
        tuple[str, ...],
        Parameter(
            negative="",
            help="NAME=VALUE for the driver, such as vnc_listen=0.0.0.0; may be repeated",
        ),
    ] = ()
    password_file: Annotated[
        str, Parameter(help="file with the password in its first line; - is standard input")
    ] = ""
    observe_only: Annotated[
        bool | None,
        Parameter(
            negative="--operate",
            help="look and change nothing there, or be ready to; vSphere is only looked at first",
        ),
    ] = None


PLAIN = Joining()


@app.command(name="list")
def list_(*, which: Which = EVERY, where: Where = HERE) -> None:
    """List hosts."""
    show_all("/hosts", Noun.HOST, COLUMNS, which, where)


@app.command
def show(name: str, /, *, where: Where = HERE) -> None:
    """Show one host, by name or id."""
    show_single("/hosts", name, ALL, where)


@app.command
def add(
    uri: str,
    /,
    *,
    joining: Joining = PLAIN,
    where: Where = HERE,
) -> None:
    """Add the host or hosts behind an address; the kind of endpoint is found out from it.

    Such as `qemu+ssh://root@h1/system`, `qemu+tcp://10.0.0.1/system`, `qemu:///session`,
    `test:///default` or `sim://demo?hosts=3&vms=12`. A password is asked for on a terminal
    where the address has a user and the way to it takes one.
    """
    address, password = _without_password(uri)
    if joining.password_file or (not password and _takes_password(address) and asks()):
        password = read_secret(joining.password_file, f"password for {address}")
    body: Json = {"uri": address, "pool": joining.pool, "options": _options(joining.option)}
    body |= {} if joining.observe_only is None else {"observe_only": joining.observe_only}
    body |= {"name": joining.name} if joining.name else {}
    body |= {"password": password} if password else {}
    with connected(where) as client:
        found = client.post("/endpoints", body)
        if where.output == "table":
            endpoint = found["endpoint"]
            note(f"found {endpoint['driver']} at {endpoint['uri']}, endpoint {endpoint['id']}")
        show_list(found["hosts"], COLUMNS, where.output)


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


app.command(host_bmc.set_bmc)
app.command(host_bmc.unset_bmc)


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


def _closed(host: Json) -> bool:
    return bool(host["maintenance"]) and host["state"] == "up"


def _options(given: tuple[str, ...]) -> dict[str, str]:
    """Return `NAME=VALUE` pairs as a mapping; raise `Invalid` for anything else."""
    pairs = [one.partition("=") for one in given]
    for name, equals, value in pairs:
        if not (name and equals):
            raise Invalid(f"{name + equals + value!r} is no option", hint="write NAME=VALUE")
    return {name: value for name, _, value in pairs}


def _takes_password(uri: str) -> bool:
    place = urlsplit(uri)
    return place.scheme in _WITH_PASSWORD and place.username is not None


def _without_password(uri: str) -> tuple[str, str]:
    """Return the address without a password in it, and the password; it never reaches a log."""
    place = urlsplit(uri)
    if place.password is None:
        return uri, ""
    user, _, rest = place.netloc.rpartition("@")[0].partition(":")
    network = f"{user}@{place.netloc.rpartition('@')[2]}"
    return place._replace(netloc=network).geturl(), rest


def _only_host(client: Client, host: Json) -> None:
    """Raise `Conflict` if other hosts would go with this one."""
    query = f'endpoint = "{host["endpoint"]}"'
    others = [one["name"] for one in client.items("/hosts", query=query) if one["id"] != host["id"]]
    if others:
        raise Conflict(
            clean(f"{', '.join(others)} are behind the same endpoint {host['endpoint']}"),
            hint=f"remove them all with `anypool endpoint remove {host['endpoint']}`",
        )
