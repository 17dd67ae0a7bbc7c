"""`anypool image`: what VMs are made from, and what servers boot."""

from dataclasses import dataclass
from typing import Annotated

from cyclopts import App, Parameter

from anypool.cli import image_version
from anypool.cli.client import Json, key
from anypool.cli.connection import HERE, Where, connected
from anypool.cli.image_version import (
    NewVersion,
    digest_of,
    number_of,
    show_version,
    stores_of,
    version_path,
)
from anypool.cli.lists import EVERY, Which, show_all
from anypool.cli.output import Column, show_list, show_one
from anypool.cli.terminal import confirm, note
from anypool.cli.words import mib, size, to_mib
from anypool.search import Noun

app = App(name="image", help="Images: what VMs are made from and servers boot, in versions.")
app.command(image_version.app)


def _newest(image: Json) -> Json:
    """Return the version that VMs are made from, or the last one there is."""
    newest: Json = {"name": "-", "digest": None, "copies": []}
    for version in image["versions"]:
        if version["number"] == image["newest"] or image["newest"] is None:
            newest = version
    return newest


COLUMNS = (
    Column("NAME", lambda image: image["name"]),
    Column("USES", lambda image: image["uses"]),
    Column("VERSIONS", lambda image: len(image["versions"])),
    Column("NEWEST", lambda image: _newest(image)["name"]),
    Column("DIGEST", lambda image: digest_of(_newest(image))),
    Column("DATASTORES", lambda image: stores_of(_newest(image))),
    Column("BOOT HOSTS", lambda image: boot_hosts_of(image)),
    Column("SIZE", lambda image: size(image["size_bytes"])),
    Column("MEMORY", lambda image: mib(image["memory_mib"])),
    Column("VMS", lambda image: image["vms"]),
    Column("DESCRIPTION", lambda image: image["description"]),
    Column("VOLUME", lambda image: image["volume"], wide=True),
    Column("FORMAT", lambda image: image["format"], wide=True),
    Column("KERNEL", lambda image: (image["boot"] or {}).get("kernel"), wide=True),
    Column("ID", lambda image: image["id"], wide=True),
)


def boot_hosts_of(image: Json) -> list[str]:
    """Return the boot hosts that export an image, each with the version taken next."""
    return [f"{one['boot_host']} ({image['name']}:{one['current']})" for one in image["exports"]]


@Parameter(name="*", group="The image")
@dataclass(frozen=True, kw_only=True)
class NewImage(NewVersion):
    """A volume that is to be an image, and how VMs of it start."""

    memory: Annotated[str, Parameter(help="memory of its VMs, such as 512MiB")] = "512MiB"
    description: Annotated[str, Parameter(help="in words")] = ""

    def body(self) -> Json:
        """Return the request; raise `Invalid` for what is no size."""
        more = {"memory_mib": to_mib(self.memory), "description": self.description}
        return super().body() | more


@app.command(name="list")
def list_(*, which: Which = EVERY, where: Where = HERE) -> None:
    """List images for VMs and for servers, each with its newest version and where it lies."""
    show_all("/images", Noun.IMAGE, COLUMNS, which, where)


@app.command
def show(name: str, /, *, where: Where = HERE) -> None:
    """Show one image by name or id, with its versions, or one version, such as web:3."""
    image, _, version = name.partition(":")
    with connected(where) as client:
        found = client.get(f"/images/{key(image)}")
        if version:
            show_version(found, name, where.output)
            return
        columns = tuple(Column(c.title, c.value) for c in COLUMNS)
        show_one(found, columns, where.output)
        if where.output in ("table", "wide"):
            print()
            show_list(found["versions"], image_version.COLUMNS, where.output)


@app.command
def add(name: str, /, *, wish: NewImage, where: Where = HERE) -> None:
    """Make an image of a volume that lies on a datastore; that is its first version."""
    with connected(where) as client:
        show_list([client.post("/images", {"name": name, **wish.body()})], COLUMNS, where.output)


@app.command
def deprecate(
    version: str,
    /,
    *,
    undo: Annotated[bool, Parameter(negative="", help="take that back")] = False,
    where: Where = HERE,
) -> None:
    """Let VMs be made from a version, such as web:3, only when it is named."""
    with connected(where) as client:
        client.patch(version_path(version), {"deprecated": not undo})
        note(f"{version} is {'not deprecated any more' if undo else 'deprecated'}")


@app.command
def verify(
    name: str,
    /,
    *,
    wait: Annotated[bool, Parameter(negative="", help="until everything was read")] = False,
    where: Where = HERE,
) -> int:
    """Have the volumes of an image, or of one version, read again to see whether they changed.

    Exit code 1 if `--wait` shows that a volume was changed, is gone or cannot be read.
    """
    image, _, version = name.partition(":")
    body = {"version": number_of(name)} if version else {}
    with connected(where) as client:
        found = client.post(f"/images/{key(image)}/verify", body)
        return image_version.follow(client, found, body.get("version"), wait=wait)


@app.command
def remove(
    name: str,
    /,
    *,
    yes: Annotated[bool, Parameter(name=("--yes", "-y"), help="agree beforehand")] = False,
    where: Where = HERE,
) -> None:
    """Forget an image; its volumes stay. Refused while linked clones depend on it."""
    with connected(where) as client:
        confirm(f"Forget the image {name}?", yes=yes)
        client.delete(f"/images/{key(name)}")
        note(f"image {name} is forgotten")
