"""`anypool image version`: the contents an image has had."""

import time
from dataclasses import dataclass
from typing import Annotated

from cyclopts import App, Parameter

from anypool.cli.client import Client, Json, key
from anypool.cli.connection import HERE, Format, Where, connected
from anypool.cli.output import Column, show_list, show_one
from anypool.cli.terminal import confirm, note
from anypool.cli.words import moment, size, to_bytes
from anypool.errors import Invalid, NotFound

app = App(name="version", help="Versions of an image: web:1, web:2 and so on.")
_EVERY_S = 0.5
_DIGITS = len("sha256:") + 12


def digest_of(version: Json) -> str:
    """Return the beginning of a version's digest, or how far one is from knowing it."""
    if not version["copies"]:
        return ""
    if version["digest"]:
        return str(version["digest"])[:_DIGITS]
    return next((how for copy in version["copies"] if (how := progress_of(copy))), "unknown")


def progress_of(copy: Json) -> str:
    """Return how the reading of a copy stands, "" if it is not to be read."""
    reading = copy["reading"]
    if reading is None:
        return ""
    if reading["state"] == "failed":
        return "unknown"
    if reading["state"] == "waiting" or not reading["bytes_total"]:
        return "waiting to be read"
    done = reading["bytes_total"] - reading["bytes_left"]
    return f"reading, {done * 100 // reading['bytes_total']}%"


def stores_of(version: Json) -> list[str]:
    """Return the names of the datastores a version is on."""
    there = [copy for copy in version["copies"] if copy["state"] in ("same", "unread")]
    return sorted({copy["datastore_name"] for copy in there})


def copies_of(version: Json) -> list[str]:
    """Return the copies of a version, each with its state and why it cannot be read."""
    found = []
    for copy in version["copies"]:
        how = progress_of(copy)
        if copy["reading"] is not None and copy["reading"]["message"]:
            how = copy["reading"]["message"]
        state = f"{copy['state']}: {how}" if how else copy["state"]
        found.append(f"{copy['datastore_name']}/{copy['volume']} ({state})")
    return found


COLUMNS = (
    Column("VERSION", lambda version: version["name"]),
    Column("USES", lambda version: version["uses"]),
    Column("DIGEST", digest_of),
    Column("SIZE", lambda version: size(version["size_bytes"] or None)),
    Column("ON DISK", lambda version: size(version["used_bytes"] or None)),
    Column("COPIES", copies_of),
    Column("BOOT HOSTS", lambda version: version["exported_by"]),
    Column("VMS", lambda version: version["vms"]),
    Column("CREATED", lambda version: moment(version["created_at"])),
    Column("DEPRECATED", lambda version: "yes" if version["deprecated"] else "no"),
    Column("FORMAT", lambda version: version["format"], wide=True),
    Column("SOURCE", lambda version: version["source"], wide=True),
    Column("NOTES", lambda version: version["notes"], wide=True),
    Column("KERNEL", lambda version: (version["boot"] or {}).get("kernel"), wide=True),
)


@Parameter(name="*", group="The image")
@dataclass(frozen=True, kw_only=True)
class NewVersion:
    """A volume that is to be a version of an image."""

    datastore: Annotated[str, Parameter(help="datastore the volume is on")]
    volume: Annotated[str, Parameter(help="name of the volume there")]
    size: Annotated[str, Parameter(help="size of its VMs' disk if larger than the volume")] = ""
    format: Annotated[str, Parameter(help="qcow2 or raw; as the image, at first qcow2")] = ""
    kernel: Annotated[str, Parameter(help="kernel started directly, a path on the hosts")] = ""
    initrd: Annotated[str, Parameter(help="its initial RAM disk")] = ""
    cmdline: Annotated[str, Parameter(help="its command line")] = ""
    source: Annotated[str, Parameter(help="where it comes from")] = ""
    notes: Annotated[str, Parameter(help="in words")] = ""

    def body(self) -> Json:
        """Return the request; raise `Invalid` for what is no size."""
        boot = {"kernel": self.kernel, "initrd": self.initrd, "cmdline": self.cmdline}
        return {
            "datastore": self.datastore,
            "volume": self.volume,
            "source": self.source,
            "notes": self.notes,
            **({"format": self.format} if self.format else {}),
            **({"size_bytes": to_bytes(self.size)} if self.size else {}),
            **({"boot": boot} if self.kernel else {}),
        }


@app.command(name="list")
def list_(image: str, /, *, where: Where = HERE) -> None:
    """List the versions of an image."""
    with connected(where) as client:
        show_list(client.get(f"/images/{key(image)}")["versions"], COLUMNS, where.output)


@app.command
def add(image: str, /, *, wish: NewVersion, where: Where = HERE) -> None:
    """Make a volume the next version of an image.

    If its content turns out to be that of an older version, it becomes a copy of that.
    """
    with connected(where) as client:
        found = client.post(f"/images/{key(image)}/versions", wish.body())
        show_list(found["versions"][-1:], COLUMNS, where.output)


@app.command(name="note")
def note_(version: str, text: str, /, *, where: Where = HERE) -> None:
    """Write notes to a version, such as web:3, in place of those it has."""
    with connected(where) as client:
        client.patch(version_path(version), {"notes": text})
        note(f"{version}: {text}")


@app.command
def remove(
    version: str,
    /,
    *,
    yes: Annotated[bool, Parameter(name=("--yes", "-y"), help="agree beforehand")] = False,
    where: Where = HERE,
) -> None:
    """Forget a version, such as web:3; its volumes stay. Refused while linked clones need it."""
    path = version_path(version)
    with connected(where) as client:
        confirm(f"Forget {version}?", yes=yes)
        client.delete(path)
        note(f"{version} is forgotten")


def number_of(name: str) -> int:
    """Return the number in `web:3`; raise `Invalid` if there is none."""
    _, colon, number = name.partition(":")
    if not colon or not number.isdecimal():
        raise Invalid(f"{name[:80]!r} names no version", hint="write it like web:3")
    return int(number)


def version_path(name: str) -> str:
    """Return the path of a version such as `web:3`; raise `Invalid`."""
    image = name.partition(":")[0]
    return f"/images/{key(image)}/versions/{number_of(name)}"


def show_version(image: Json, name: str, form: Format) -> None:
    """Print one version of an image; raise `NotFound`."""
    wanted = number_of(name)
    for version in image["versions"]:
        if version["number"] == wanted:
            columns = [Column(one.title, one.value) for one in COLUMNS if one.title != "DIGEST"]
            digest = Column("DIGEST", lambda one: one["digest"] or digest_of(one))
            show_one(version, (columns[0], digest, *columns[1:]), form)
            return
    there = ", ".join(version["name"] for version in image["versions"][-5:])
    raise NotFound(f"there is no version {name}", hint=f"there are {there}")


def follow(client: Client, image: Json, number: int | None, *, wait: bool) -> int:
    """Say what a verification has found so far, with `wait` when it is over; 1 for trouble."""
    path = f"/images/{key(image['id'])}"
    if not wait:
        note(f"{image['name']} is being read; `anypool image show {image['name']}` says how far")
        return 0
    while _reading(image, number):
        time.sleep(_EVERY_S)
        image = client.get(path)
    trouble = 0
    for version in image["versions"]:
        if number in (None, version["number"]):
            for copy, text in zip(version["copies"], copies_of(version), strict=True):
                note(f"{version['name']}: {text}")
                trouble |= copy["state"] != "same"
    return int(trouble)


def _reading(image: Json, number: int | None) -> bool:
    versions = [one for one in image["versions"] if number in (None, one["number"])]
    readings = [copy["reading"] for one in versions for copy in one["copies"]]
    return any(one is not None and one["state"] != "failed" for one in readings)
