"""`anypool volume`: the disks of VMs and the masters of images."""

from cyclopts import App

from anypool.cli.connection import HERE, Where
from anypool.cli.lists import EVERY, Which, show_all
from anypool.cli.output import Column
from anypool.cli.words import size

app = App(name="volume", help="Volumes: the disks of VMs and the masters of images.")

COLUMNS = (
    Column("NAME", lambda volume: volume["name"]),
    Column("DATASTORE", lambda volume: volume["datastore_name"]),
    Column("SIZE", lambda volume: size(volume["size_bytes"])),
    Column("FORMAT", lambda volume: volume["format"]),
    Column("VMS", lambda volume: list(volume["vm_names"])),
    Column("IMAGES", lambda volume: list(volume["image_names"])),
)


@app.command(name="list")
def list_(*, which: Which = EVERY, where: Where = HERE) -> None:
    """List volumes in use; a search looks at their names."""
    show_all("/volumes", None, COLUMNS, which, where)
