"""`anypool ha`: which VMs run again by themselves when their host dies, and why others do not."""

from typing import Annotated

from cyclopts import App, Parameter

from anypool.cli.client import Client, Json, key
from anypool.cli.connection import HERE, Where, connected
from anypool.cli.incidents import incident, incidents
from anypool.cli.output import Column, show_list, show_one
from anypool.cli.terminal import clean, confirm, note
from anypool.cli.words import moment
from anypool.errors import NotFound

app = App(name="ha", help="High availability: what runs again by itself when a host dies.")
app.command(incidents)
app.command(incident)

HOSTS = (
    Column("HOST", lambda one: one["host"]),
    Column("CONDITION", lambda one: one["condition"]),
    Column("DECISION", lambda one: one["decision"]),
    Column("WHY", lambda one: one["why"]),
    Column("AT RISK", lambda one: one["at_risk"]),
    Column("WOULD PROVE IT", lambda one: one["would_do"]),
    Column("SILENT TOO", lambda one: ", ".join(one["together"])),
    Column("LIFE", lambda one: moment(one["life_at"]), wide=True),
    Column("POLICY", lambda one: one["policy"], wide=True),
    Column("DOES", lambda one: one["said"], wide=True),
)
VMS = (
    Column("VM", lambda one: one["vm"]),
    Column("HOST", lambda one: one["host"]),
    Column("PROTECTION", lambda one: one["protection"]),
    Column("WHY NOT MORE", lambda one: one["why"]),
    Column("AILS", lambda one: one["down"]),
)
PATHS = (
    Column("PATH", lambda one: one["path"]),
    Column("SAYS", lambda one: one["word"]),
    Column("BY", lambda one: one["by"]),
    Column("ASKED", lambda one: moment(one["at"])),
    Column("LIFE", lambda one: moment(one["life_at"])),
)
POLICIES = (
    Column("POLICY", lambda one: one["policy"]),
    Column("LEVEL", lambda one: one["level"]),
    Column("HOSTS", lambda one: one["hosts"]),
    Column("SWITCHED OFF", lambda one: f"{one['fences']} of {one['fences_most']}"),
    Column("COLD FOR", lambda one: f"{one['cold_left_s']:.0f} s" if one["cold_left_s"] else ""),
)


@app.command
def status(
    *,
    every: Annotated[
        bool,
        Parameter(name=("--all", "-a"), negative="", help="with protected VMs too"),
    ] = False,
    where: Where = HERE,
) -> None:
    """Show what is guarded, hosts that are not healthy, and VMs that are not protected."""
    with connected(where) as client:
        found = client.get("/ha", every="true" if every else "")
        pools = [] if found["policies"] else client.get("/pools")["items"]
    if where.output not in ("table", "wide"):
        show_one(found, (), where.output)
        return
    if not found["policies"]:
        largest = max(pools, key=lambda one: int(one["hosts"]), default={"id": "default"})
        scope = f"pool = {clean(largest['id'])}"
        note(f'nothing is guarded: `anypool policy add ha ha "{scope}" --level automatic`')
        return
    show_list(found["policies"], POLICIES, where.output)
    counts = ", ".join(f"{count} {what}" for what, count in sorted(found["protection"].items()))
    beside = f"; {found['unguarded']} run where no policy is" if found["unguarded"] else ""
    note(f"VMs: {counts or 'none'}{beside}")
    if ill := [one for one in found["hosts"] if one["condition"] != "healthy"]:
        show_list(ill, HOSTS, where.output)
    if vms := found["vms"] if every else found["exposed"]:
        show_list(vms, VMS, where.output)


@app.command
def show(name: str, /, *, where: Where = HERE) -> None:
    """Show a host, with what each path says of it, or a VM, with why it is protected or not."""
    with connected(where) as client:
        host = _host(client, name)
        vm = client.get(f"/vms/{key(name)}/ha") if host is None else None
    if host is None:
        show_one(vm or {}, VMS, where.output)
        return
    if where.output not in ("table", "wide"):
        show_one(host, (), where.output)
        return
    standing = host["standing"]
    if standing is None:
        note(f"no policy of the kind ha guards {clean(host['host'])}")
    else:
        show_one(standing, HOSTS, where.output)
        show_list(standing["evidence"], PATHS, where.output)
    if host["proof"]:
        note(f"proven dead: {clean(host['proof'])}")
    if host["vms"]:
        show_list(host["vms"], VMS, where.output)


@app.command(name="confirm-dead")
def confirm_dead(
    host: str,
    /,
    *,
    reason: Annotated[str, Parameter(help="why, such as 'burnt PSU, unplugged'")],
    yes: Annotated[bool, Parameter(name=("--yes", "-y"), help="agree beforehand")] = False,
    where: Where = HERE,
) -> None:
    """Say by your name that a silent host is dead and stays off, so that its VMs start elsewhere.

    If it lives after all, its VMs run twice and their disks may be destroyed. Go and look.
    """
    with connected(where) as client:
        confirm(
            f"Is {host} without power, and does it stay so? If not, its VMs will run twice.",
            yes=yes,
        )
        said = client.post(f"/hosts/{key(host)}/confirm-dead", {"reason": reason})
        note(f"{clean(said['by'])} says that {host} is dead; audit row {said['audit']}")


@app.command
def release(vm: str, /, *, where: Where = HERE) -> None:
    """Let a VM that is down stay down: it is not started again by itself."""
    with connected(where) as client:
        client.delete(f"/vms/{key(vm)}/ha")
        note(f"{vm} is not started again by itself")


def _host(client: Client, name: str) -> Json | None:
    try:
        found: Json = client.get(f"/hosts/{key(name)}/ha")
    except NotFound:
        return None
    return found
