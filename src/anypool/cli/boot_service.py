"""`anypool boot-service`: hosts from which servers boot as profiles, and the images there."""

import shlex
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from cyclopts import App, Parameter

from anypool.cli.client import Client, Json, key
from anypool.cli.connection import HERE, Where, connected
from anypool.cli.host_warden import Ssh, remote
from anypool.cli.hypervisor_image import build_hypervisor
from anypool.cli.output import Column, show_list
from anypool.cli.terminal import clean, confirm, note
from anypool.cli.words import moment, size
from anypool.errors import Conflict
from anypool.program import packed

PROGRAM = "/usr/local/sbin/anypool-boothost"
app = App(name="boot-service", help="Boot hosts: servers boot from them as profiles.")
image = App(name="image", help="Images that servers boot, in versions.")
app.command(image)
image.command(build_hypervisor)

Host = Annotated[str, Parameter(help="the boot host; the only one needs no name")]
Yes = Annotated[bool, Parameter(name=("--yes", "-y"), help="agree beforehand")]
_LOOK_AGAIN_S = 1.0

ENTRIES = (
    Column("BOOT HOST", lambda one: one["host"]),
    Column("PROFILE", lambda one: one["profile"]),
    Column("SERVER", lambda one: one["server"]),
    Column("MAC", lambda one: one["mac"]),
    Column("IP", lambda one: one["ip"]),
    Column("IMAGE", lambda one: one["image"]),
    Column("RUNS", lambda one: one["runs"] or ""),
    Column("NEXT", lambda one: one["next"] or ""),
    Column("STARTED", lambda one: moment(one["started_at"])),
    Column("TARGET", lambda one: one["target"]),
    Column("PROBLEM", lambda one: one["problem"]),
)
AMISS = (
    Column("WHAT", lambda one: one["what"]),
    Column("PROFILE", lambda one: one["profile"]),
    Column("SERVER", lambda one: one["server"]),
    Column("EPOCH", lambda one: one["epoch"]),
)
IMAGES = (
    Column("IMAGE", lambda one: one["name"]),
    Column("CURRENT", lambda one: one["current"]),
    Column("VERSIONS", lambda one: one["versions"]),
)


@app.command
def status(name: Host = "", /, *, where: Where = HERE) -> int:
    """Read every boot host now: its parts, who boots as whom, who is logged in, what is amiss.

    Exits with 1 where anything is not well.
    """
    with connected(where) as client:
        some = [name] if name else [one["id"] for one in client.get("/boot-hosts")["items"]]
        found = [client.get(f"/boot-hosts/{key(one)}") for one in some]
    show_list([row for one in found for row in _rows(one)], ENTRIES, where.output)
    for one in found:
        for line in _told(one):
            note(line)
    if not found:
        note("there is no boot host; `anypool boot-service add` takes one")
    return 0 if all(one["well"] for one in found) else 1


def _rows(host: Json) -> Iterator[Json]:
    """Yield the entries of a boot host, each with who is logged in to its target."""
    by_ip = {who: one for one in host["targets"] for who in one["allowed"]}
    for entry in host["entries"]:
        target = by_ip.get(entry["ip"])
        if target is None:
            told = ""
        else:
            told = f"{target['iqn']}: {', '.join(target['sessions']) or 'nobody'}"
        yield {**entry, "host": host["id"], "target": told}


def _told(host: Json) -> Iterator[str]:
    """Yield what there is to say of a boot host as a whole."""
    parts = f"dnsmasq {_lives(host['dhcp'])}, tgtd {_lives(host['targets_answer'])}"
    answers = "answers" if host["answers"] else f"does not answer: {host['message']}"
    yield f"{clean(host['id'])} {answers}; {parts}"
    for one in host["copies"]:
        how = one["problem"] or f"{size(one['done'])} of {size(one['size'])}"
        yield f"  the disk of {one['profile']} of {one['image']} is being made: {how}"
    for text in host["problems"]:
        yield f"  problem: {clean(text)}"
    for one in host["amiss"]:
        yield f"  {one['what']}: {clean(one['profile'])} at {clean(one['server'])}"


def _lives(there: bool) -> str:
    return "lives" if there else "is NOT there"


@app.command
def configure(
    name: Host = "",
    /,
    *,
    dry_run: Annotated[bool, Parameter(help="only show what would change", negative="")] = False,
    where: Where = HERE,
) -> None:
    """Have a boot host serve what the profiles say: what is missing, stale or changed.

    Plans do that by themselves; this is for a boot host that was away, or installed anew.
    """
    with connected(where) as client:
        path = f"/boot-hosts/{key(_named(client, name))}/configure"
        show_list(client.post(path, {}, dry_run=dry_run)["items"], AMISS, where.output)


@app.command
def add(
    address: str,
    /,
    *,
    name: Annotated[str, Parameter(help="the name it is shown by")] = "boot",
    pool: Annotated[str, Parameter(help="the pool whose servers boot from it")] = "default",
    where: Where = HERE,
) -> None:
    """Take a boot host on which the program runs: boot+ssh://root@HOST."""
    with connected(where) as client:
        client.post("/endpoints", {"uri": address, "name": name, "pool": pool})
        note(f"{name} serves the pool {pool}")


@app.command
def install(
    *,
    ssh: Ssh,
    interface: Annotated[str, Parameter(help="where servers are heard")],
    address: Annotated[str, Parameter(help="its own address there, ADDRESS/PREFIX")],
    port: Annotated[int, Parameter(help="where boot scripts are served by HTTP")] = 8480,
) -> int:
    """Put the program on a boot host, with its units, and start it; again to renew it.

    It needs Debian's dnsmasq-base and tgt there, and ipxe for firmware without iPXE.
    """
    write = f"umask 022 && cat > {PROGRAM}.new && chmod 755 {PROGRAM}.new"
    remote(ssh, f"{write} && mv {PROGRAM}.new {PROGRAM}", packed("anypool.boothost"))
    words = [PROGRAM, "install", f"--interface={interface}", f"--address={address}"]
    return remote(ssh, shlex.join([*words, f"--port={port}"]))


@app.command
def uninstall(*, ssh: Ssh) -> int:
    """Take the program off a boot host; images and disks stay. Refused while servers boot there."""
    return remote(ssh, shlex.join([PROGRAM, "uninstall"]))


@app.command
def program() -> None:
    """Write the program to standard output, to install it by other means."""
    sys.stdout.buffer.write(packed("anypool.boothost"))


@app.command
def deploy(
    version: Annotated[str, Parameter(help="IMAGE, whose current version is taken, or IMAGE:3")],
    /,
    *profiles: str,
    on: Host = "",
    watch: Annotated[bool, Parameter(help="wait until all disks are made", negative="")] = False,
    where: Where = HERE,
) -> int:
    """Have profiles boot an image from their next start on; their disks are made at once."""
    with connected(where) as client:
        host = _named(client, on)
        body = {"image": version, "profiles": list(profiles)}
        client.post(f"/boot-hosts/{key(host)}/deploy", body)
        note(f"{len(profiles)} profiles boot {version} from their next start on")
        return _watched(client, host) if watch else 0


def _watched(client: Client, host: str) -> int:
    """Tell how far copies are until none is left; return 1 if one failed."""
    while copies := client.get(f"/boot-hosts/{key(host)}")["copies"]:
        failed = [one for one in copies if one["problem"]]
        done, whole = (sum(one[name] for one in copies) for name in ("done", "size"))
        note(f"{len(copies)} disks are being made: {size(done)} of {size(whole)}")
        if len(failed) == len(copies):
            note(f"not made: {clean(failed[0]['problem'])}")
            return 1
        time.sleep(_LOOK_AGAIN_S)
    return 0


@image.command(name="list")
def list_(name: Host = "", /, *, where: Where = HERE) -> None:
    """List the images of a boot host."""
    with connected(where) as client:
        found = client.get(f"/boot-hosts/{key(_named(client, name))}")
        show_list(found["images"], IMAGES, where.output)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Parts:
    """What an image is made of: files in the import folder of its boot host."""

    disk: Annotated[str, Parameter(help="a raw disk")] = ""
    kernel: Annotated[str, Parameter(help="a kernel, where the disk does not boot by itself")] = ""
    initrd: Annotated[str, Parameter(help="the kernel's initial file system")] = ""
    cmdline: Annotated[
        str, Parameter(help="the kernel's command line; {name}, {ip}, {target} are filled in")
    ] = ""

    @property
    def body(self) -> Json:
        """Return what the request says."""
        given = {"disk.raw": self.disk, "kernel": self.kernel, "initrd": self.initrd}
        parts = {part: file for part, file in given.items() if file}
        return {"parts": parts, "cmdline": self.cmdline}


NOTHING = Parts()


@image.command(name="add")
def add_image(
    name: str,
    /,
    *,
    parts: Parts = NOTHING,
    number: Annotated[
        int, Parameter(help="of a version that is the same elsewhere; else the next one")
    ] = 0,
    on: Host = "",
    where: Where = HERE,
) -> None:
    """Make a version of an image of files in /var/lib/anypool-boot/import on its boot host."""
    _ordered(name, on, where, deed="add", version=number, **parts.body)


@image.command
def choose(name: str, version: int, /, *, on: Host = "", where: Where = HERE) -> None:
    """Make a version the current one: servers take it at their next start, also to go back."""
    _ordered(name, on, where, deed="choose", version=version)


@image.command
def capture(name: str, profile: str, /, *, on: Host = "", where: Where = HERE) -> None:
    """Make a version of the disk of a profile whose server is off."""
    _ordered(name, on, where, deed="capture", profile=profile)


@image.command
def forget(
    name: str, version: int, /, *, on: Host = "", yes: Yes = False, where: Where = HERE
) -> None:
    """Delete a version that is not the current one."""
    confirm(f"Delete {name}:{version}?", yes=yes)
    _ordered(name, on, where, deed="forget", version=version)


def _ordered(name: str, on: str, where: Where, **body: object) -> None:
    with connected(where) as client:
        path = f"/boot-hosts/{key(_named(client, on))}/images/{key(name)}"
        made = client.post(path, dict(body))
        note(f"{made['image']}:{made['version']}: {body['deed']}")


def _named(client: Client, name: str) -> str:
    """Return the boot host that is meant; raise `Conflict` where that is not clear."""
    if name:
        return name
    some = [str(one["id"]) for one in client.get("/boot-hosts")["items"]]
    if len(some) != 1:
        hint = f"there are: {', '.join(some) or 'none'}"
        raise Conflict("say which boot host is meant", hint=hint)
    return some[0]
