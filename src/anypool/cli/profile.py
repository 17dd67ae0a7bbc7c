"""`anypool profile`: identities of servers, made before any server is there."""

from dataclasses import dataclass
from typing import Annotated, Literal

from cyclopts import App, Parameter

from anypool.cli import profile_assign, profile_export
from anypool.cli.client import Json, key
from anypool.cli.connection import HERE, Where, connected
from anypool.cli.host import retag
from anypool.cli.lists import EVERY, Which, show_all, show_single
from anypool.cli.output import Column, show_list
from anypool.cli.terminal import confirm, note
from anypool.cli.words import mib, moment, to_mib
from anypool.errors import Invalid
from anypool.model import taken_apart
from anypool.search import Noun

app = App(
    name="profile",
    help="Profiles: movable identities of servers, with addresses, boot targets and networks.",
)

COLUMNS = (
    Column("NAME", lambda one: one["name"]),
    Column("SERVER", lambda one: one["server"] or (one["vm"] and f"VM {one['vm']}")),
    Column("SLOT", lambda one: one["slot"]),
    Column("PORTS", lambda one: len(one["ports"])),
    Column("BOOT", lambda one: " ".join(one["boot"])),
    Column("EPOCH", lambda one: one["epoch"]),
    Column("TAGS", lambda one: one["tags"], wide=True),
    Column("POOL", lambda one: one["pool"], wide=True),
    Column("INITIATOR", lambda one: one["initiator"], wide=True),
    Column("ID", lambda one: one["id"], wide=True),
)


def _ports(profile: Json) -> str:
    return "; ".join(
        f"{port['id']} {port['address']}"
        + (f" (node {port['node']})" if port["node"] else "")
        + (f" in {', '.join(port['networks'])}" if port["networks"] else "")
        for port in profile["ports"]
    )


def _iscsi(target: Json) -> str:
    port, lun = target.get("port", 3260), target.get("lun", 0)
    return f"{target['address']}:{port},{target['iqn']},{lun}"


def probe(asked: Json) -> str:
    """Return what is asked as an address, "" for nothing."""
    if asked.get("kind", "none") == "none":
        return ""
    path = asked.get("path", "/") if asked["kind"] == "http" else ""
    return f"{asked['kind']}://{asked['address']}:{asked['port']}{path}"


def _needs(profile: Json) -> str:
    needs = profile["needs"]
    parts = [needs.get("arch", "")]
    parts += [f"{needs['cpus']} CPUs"] if needs.get("cpus") else []
    parts += [mib(needs["memory_mib"])] if needs.get("memory_mib") else []
    return ", ".join(filter(None, parts))


ALL = (
    *(Column(column.title, column.value) for column in COLUMNS if column.title != "PORTS"),
    Column("PORTS", _ports),
    Column("ISCSI TARGETS", lambda one: "; ".join(map(_iscsi, one["iscsi"]))),
    Column("FC TARGETS", lambda one: [f"{t['wwpn']},{t.get('lun', 0)}" for t in one["fc"]]),
    Column("BIOS", lambda one: [f"{name}={value}" for name, value in one["bios"]]),
    Column("NEEDS", _needs),
    Column("IP", lambda one: one["ip"]),
    Column("SCRIPT", lambda one: one["script"]),
    Column("PROBE", lambda one: probe(one["probe"])),
    Column("FAILOVER", lambda one: one["failover"]),
    Column("IMAGE", lambda one: one["image"]),
    Column("MEANS", lambda one: one["means"]),
    Column("DESCRIPTION", lambda one: one["description"]),
)
_HISTORY = (
    Column("EPOCH", lambda one: one["epoch"]),
    Column("SERVER", lambda one: one["server"]),
    Column("FROM", lambda one: moment(one["began_at"])),
    Column("UNTIL", lambda one: moment(one["ended_at"]) if one["ended_at"] else "now"),
    Column("BY", lambda one: one["by"]),
    Column("PLAN", lambda one: one["plan"]),
    Column("PROOF", lambda one: one["proof"]),
)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Parts:
    """What a profile is made of; what is not given stays."""

    nic: Annotated[
        tuple[str, ...],
        Parameter(help="an Ethernet port, by the networks it must reach: `prod,backup` or ``"),
    ] = ()
    hba: Annotated[tuple[str, ...], Parameter(help="an FC port, by its fabric")] = ()
    initiator: Annotated[str | None, Parameter(help="its IQN; else made of its name")] = None
    iscsi: Annotated[
        tuple[str, ...], Parameter(help="a target to boot from: ADDRESS[:PORT],IQN[,LUN]")
    ] = ()
    fc: Annotated[tuple[str, ...], Parameter(help="a target to boot from: WWPN[,LUN]")] = ()
    boot: Annotated[str | None, Parameter(help="its boot order, such as iscsi,network")] = None
    bios: Annotated[tuple[str, ...], Parameter(help="a BIOS setting it wishes: NAME=VALUE")] = ()
    memory: Annotated[str, Parameter(help="memory its server must have, such as 64GiB")] = ""
    cpus: Annotated[int, Parameter(help="threads its server must have")] = 0
    arch: Annotated[str, Parameter(help="architecture of its server")] = ""
    ip: Annotated[str | None, Parameter(help="its address, for the boot service")] = None
    script: Annotated[str | None, Parameter(help="what the boot service chains to")] = None
    probe: Annotated[
        str | None, Parameter(help="what is asked whether it works: tcp://HOST:PORT, http://...")
    ] = None
    failover: Annotated[
        Literal["disabled", "manual", "automatic"] | None,
        Parameter(help="what happens when its server fails: nothing, a word, or a spare"),
    ] = None
    image: Annotated[
        str | None, Parameter(help="what it boots: an image of its boot host, or IMAGE:VERSION")
    ] = None
    hypervisor: Annotated[
        bool | None,
        Parameter(
            negative="--no-hypervisor",
            help="what it boots is a hypervisor: `anypool server make-host` has it join",
        ),
    ] = None
    description: Annotated[str | None, Parameter(help="in words")] = None
    pool: Annotated[str | None, Parameter(help="its pool")] = None
    slot: Annotated[str | None, Parameter(help="where it is to be, such as bx1/3")] = None
    mac_range: Annotated[str, Parameter(help="where MACs are taken from; else any range")] = ""
    wwn_range: Annotated[str, Parameter(help="where WWNs are taken from; else any range")] = ""

    @property
    def body(self) -> Json:
        """Return what the request says."""
        plain = ["initiator", "ip", "script", "image", "description", "pool", "slot", "failover"]
        plain.append("hypervisor")
        found: Json = {name: getattr(self, name) for name in plain}
        found = {name: value for name, value in found.items() if value is not None}
        found |= {name: value for name in ("mac_range", "wwn_range") if (value := vars(self)[name])}
        found |= {"nics": list(map(_words, self.nic))} if self.nic else {}
        found |= {"hbas": list(map(_words, self.hba))} if self.hba else {}
        found |= {"iscsi": list(map(_target, self.iscsi))} if self.iscsi else {}
        found |= {"fc": list(map(_fc, self.fc))} if self.fc else {}
        found |= {"boot": _words(self.boot)} if self.boot is not None else {}
        found |= {"probe": _probe(self.probe)} if self.probe is not None else {}
        found |= {"bios": list(map(_setting, self.bios))} if self.bios else {}
        needs: Json = {"arch": self.arch} if self.arch else {}
        needs |= {"cpus": self.cpus} if self.cpus else {}
        needs |= {"memory_mib": to_mib(self.memory)} if self.memory else {}
        return found | ({"needs": needs} if needs else {})


NOTHING = Parts()


def _words(text: str) -> list[str]:
    return [word for part in text.split(",") if (word := part.strip())]


def _target(text: str) -> Json:
    parts = text.split(",")
    if len(parts) not in (2, 3):
        raise Invalid(f"{text!r} is no iSCSI target", hint="ADDRESS[:PORT],IQN[,LUN]")
    place, _, port = parts[0].partition(":") if parts[0].count(":") == 1 else (parts[0], "", "")
    found: Json = {"address": place, "iqn": parts[1]}
    found |= {"port": _number(port)} if port else {}
    return found | ({"lun": _number(parts[2])} if len(parts) > 2 else {})


def _probe(text: str) -> Json:
    """Return what an address asks; "" for nothing."""
    if not text:
        return {"kind": "none"}
    hint = "tcp://10.0.0.7:22 or http://10.0.0.7/ready"
    place = taken_apart(text, hint)
    port = place.port or (80 if place.scheme == "http" else 0)
    if place.scheme not in ("tcp", "http") or not place.hostname or not port:
        raise Invalid(f"{text!r} is no probe", hint=hint)
    found: Json = {"kind": place.scheme, "address": place.hostname, "port": port}
    return found | ({"path": place.path} if place.path else {})


def _fc(text: str) -> Json:
    wwpn, _, lun = text.partition(",")
    return {"wwpn": wwpn} | ({"lun": _number(lun)} if lun else {})


def _number(text: str) -> int:
    if not text.isdecimal():
        raise Invalid(f"{text!r} is no number", hint="such as 3260")
    return int(text)


def _setting(text: str) -> list[str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise Invalid(f"{text!r} is no BIOS setting", hint="NAME=VALUE")
    return [name, value]


@app.command(name="list")
def list_(*, which: Which = EVERY, where: Where = HERE) -> None:
    """List profiles."""
    show_all("/profiles", Noun.PROFILE, COLUMNS, which, where)


@app.command
def show(name: str, /, *, where: Where = HERE) -> None:
    """Show one profile, by name or id, with its addresses."""
    show_single("/profiles", name, ALL, where)


@app.command
def history(name: str, /, *, where: Where = HERE) -> None:
    """Show which servers had a profile, from when until when, and how it left them."""
    with connected(where) as client:
        show_list(client.get(f"/profiles/{key(name)}/history")["items"], _HISTORY, where.output)


@app.command
def create(name: str, /, *, parts: Parts = NOTHING, where: Where = HERE) -> None:
    """Make a profile and reserve addresses for it; without `--nic` it has one Ethernet port."""
    with connected(where) as client:
        made = client.post("/profiles", {"name": name, **parts.body})
        show_list([made], COLUMNS, where.output)


@app.command
def edit(
    name: str,
    /,
    *,
    rename: Annotated[str | None, Parameter(help="another name")] = None,
    parts: Parts = NOTHING,
    where: Where = HERE,
) -> None:
    """Change a profile; its addresses and boot targets only while no server bears it."""
    body = parts.body | ({} if rename is None else {"name": rename})
    if not body:
        raise Invalid("nothing is to be changed", hint="such as --memory 64GiB")
    with connected(where) as client:
        show_list([client.patch(f"/profiles/{key(name)}", body)], COLUMNS, where.output)


@app.command
def delete(
    name: str,
    /,
    *,
    yes: Annotated[bool, Parameter(name=("--yes", "-y"), help="agree beforehand")] = False,
    where: Where = HERE,
) -> None:
    """Delete a profile that no server bears; its addresses rest before others get them."""
    with connected(where) as client:
        confirm(f"Delete the profile {name}? Its addresses are given back.", yes=yes)
        client.delete(f"/profiles/{key(name)}")
        note(f"{name} is deleted; its addresses rest for a while")


@app.command
def tag(
    name: str,
    /,
    *tags: Annotated[str, Parameter(help="TAG adds it, ^TAG takes it away")],
    where: Where = HERE,
) -> None:
    """Add tags to a profile, or take away those given as `^TAG`."""
    retag("/profiles", name, tags, where)


app.command(profile_export.export)
app.command(profile_assign.assign)
app.command(profile_assign.unassign)
