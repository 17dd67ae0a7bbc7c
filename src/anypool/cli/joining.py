"""Adding the hosts behind an address: `anypool host add` and `anypool endpoint add` are one."""

from dataclasses import dataclass
from typing import Annotated

from cyclopts import Parameter

from anypool.cli.client import Json
from anypool.cli.connection import HERE, Where, connected
from anypool.cli.host_columns import COLUMNS
from anypool.cli.output import Column, show_list
from anypool.cli.terminal import asks, note, read_secret
from anypool.cli.trusting import PasswordFile
from anypool.errors import Invalid
from anypool.model import taken_apart

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
    password_file: PasswordFile = ""
    observe_only: Annotated[
        bool | None,
        Parameter(
            negative="--operate",
            help="look and change nothing there, or be ready to; vSphere is only looked at first",
        ),
    ] = None
    host_key: Annotated[
        str, Parameter(help="SHA256 of its SSH host key, compared by you; it is kept then")
    ] = ""


PLAIN = Joining()
ANSWERS = (
    Column("KIND", lambda one: one["kind"]),
    Column("PRODUCT", lambda one: one["product"]),
    Column("ADDRESS", lambda one: one["uri"]),
    Column("LOGIN", lambda one: one["login"]),
    Column("SHOWS", lambda one: one["shows"]),
    Column("FINGERPRINT", lambda one: one["fingerprint"]),
    Column("KNOWN", lambda one: one["vouched"]),
)


def add(
    uri: str,
    /,
    *,
    joining: Joining = PLAIN,
    where: Where = HERE,
) -> None:
    """Add the host or hosts behind an address; the kind of endpoint is found out from it.

    Such as `qemu+ssh://root@h1/system`, `qemu+tcp://10.0.0.1/system`, `qemu:///session`,
    `vsphere://USER@VCENTER/`, `test:///default` or `sim://demo?hosts=3&vms=12`. A
    password is asked for on a terminal where the address has a user and the way to it takes one.
    """
    address, password = _without_password(uri)
    if joining.password_file or (not password and _takes_password(address) and asks()):
        password = read_secret(joining.password_file, f"password for {address}")
    body: Json = {"uri": address, "pool": joining.pool, "options": _options(joining.option)}
    body |= {} if joining.observe_only is None else {"observe_only": joining.observe_only}
    body |= {"name": joining.name} if joining.name else {}
    body |= {"host_key": joining.host_key} if joining.host_key else {}
    body |= {"password": password} if password else {}
    with connected(where) as client:
        found = client.post("/endpoints", body)
        if where.output == "table":
            endpoint = found["endpoint"]
            note(f"found {endpoint['driver']} at {endpoint['uri']}, endpoint {endpoint['id']}")
        show_list(found["hosts"], COLUMNS, where.output)


def look(address: str, /, *, where: Where = HERE) -> None:
    """Say who answers at an address, and which key or certificate it shows; nobody logs in."""
    with connected(where) as client:
        show_list(client.ask("/endpoints/look", {"address": address})["items"], ANSWERS,
                  where.output)  # fmt: skip


def _options(given: tuple[str, ...]) -> dict[str, str]:
    """Return `NAME=VALUE` pairs as a mapping; raise `Invalid` for anything else."""
    pairs = [one.partition("=") for one in given]
    for name, equals, value in pairs:
        if not (name and equals):
            raise Invalid(f"{name + equals + value!r} is no option", hint="write NAME=VALUE")
    return {name: value for name, _, value in pairs}


def _takes_password(uri: str) -> bool:
    place = taken_apart(uri, "such as qemu+ssh://root@h1/system")
    return place.scheme in _WITH_PASSWORD and place.username is not None


def _without_password(uri: str) -> tuple[str, str]:
    """Return the address without a password in it, and the password; it never reaches a log."""
    place = taken_apart(uri, "such as qemu+ssh://root@h1/system")
    if place.password is None:
        return uri, ""
    user, _, rest = place.netloc.rpartition("@")[0].partition(":")
    network = f"{user}@{place.netloc.rpartition('@')[2]}"
    return place._replace(netloc=network).geturl(), rest
