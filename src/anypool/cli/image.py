"""`anypool image`: what VMs are made from."""

from dataclasses import dataclass
from typing import Annotated

from cyclopts import App, Parameter

from anypool.cli.client import Json, key
from anypool.cli.connection import HERE, Where, connected
from anypool.cli.lists import EVERY, Which, show_all, show_single
from anypool.cli.output import Column, show_list
from anypool.cli.terminal import confirm, note
from anypool.cli.words import mib, size, to_bytes, to_mib
from anypool.search import Noun

app = App(name="image", help="Images: what VMs are made from.")

COLUMNS = (
    Column("NAME", lambda image: image["name"]),
    Column("DATASTORE", lambda image: image["datastore"]),
    Column("VOLUME", lambda image: image["volume"]),
    Column("SIZE", lambda image: size(image["size_bytes"])),
    Column("MEMORY", lambda image: mib(image["memory_mib"])),
    Column("DESCRIPTION", lambda image: image["description"]),
    Column("FORMAT", lambda image: image["format"], wide=True),
    Column("KERNEL", lambda image: (image["boot"] or {}).get("kernel"), wide=True),
    Column("ID", lambda image: image["id"], wide=True),
)


@Parameter(name="*", group="The image")
@dataclass(frozen=True, kw_only=True)
class NewImage:
    """A volume that is to be an image, and how VMs of it start."""

    datastore: Annotated[str, Parameter(help="datastore the volume is on")]
    volume: Annotated[str, Parameter(help="name of the volume there")]
    size: Annotated[str, Parameter(help="size of its VMs' disk if larger than the volume")] = ""
    format: Annotated[str, Parameter(help="qcow2 or raw")] = "qcow2"
    memory: Annotated[str, Parameter(help="memory of its VMs, such as 512MiB")] = "512MiB"
    description: Annotated[str, Parameter(help="in words")] = ""
    kernel: Annotated[str, Parameter(help="kernel started directly, a path on the hosts")] = ""
    initrd: Annotated[str, Parameter(help="its initial RAM disk")] = ""
    cmdline: Annotated[str, Parameter(help="its command line")] = ""

    def body(self) -> Json:
        """Return the request; raise `Invalid` for what is no size."""
        boot = {"kernel": self.kernel, "initrd": self.initrd, "cmdline": self.cmdline}
        return {
            "datastore": self.datastore,
            "volume": self.volume,
            "format": self.format,
            "memory_mib": to_mib(self.memory),
            "description": self.description,
            **({"size_bytes": to_bytes(self.size)} if self.size else {}),
            **({"boot": boot} if self.kernel else {}),
        }


@app.command(name="list")
def list_(*, which: Which = EVERY, where: Where = HERE) -> None:
    """List images."""
    show_all("/images", Noun.IMAGE, COLUMNS, which, where)


@app.command
def show(name: str, /, *, where: Where = HERE) -> None:
    """Show one image, by name or id."""
    show_single("/images", name, tuple(Column(c.title, c.value) for c in COLUMNS), where)


@app.command
def add(name: str, /, *, wish: NewImage, where: Where = HERE) -> None:
    """Make an image of a volume that lies on a datastore."""
    with connected(where) as client:
        show_list([client.post("/images", {"name": name, **wish.body()})], COLUMNS, where.output)


@app.command
def remove(
    name: str,
    /,
    *,
    yes: Annotated[bool, Parameter(name=("--yes", "-y"), help="agree beforehand")] = False,
    where: Where = HERE,
) -> None:
    """Forget an image; its volume stays."""
    with connected(where) as client:
        confirm(f"Forget the image {name}?", yes=yes)
        client.delete(f"/images/{key(name)}")
        note(f"image {name} is forgotten")
