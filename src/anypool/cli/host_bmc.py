"""`anypool host set-bmc`, `unset-bmc`: what switches a host on and off from outside."""

from dataclasses import dataclass
from typing import Annotated

from cyclopts import Parameter

from anypool.cli.client import Json, key
from anypool.cli.connection import HERE, Where, connected
from anypool.cli.output import Column, show_one
from anypool.cli.terminal import note, read_secret
from anypool.cli.trusting import Fingerprint, PasswordFile, confirmed
from anypool.cli.words import moment

COLUMNS = (
    Column("URL", lambda bmc: bmc["url"]),
    Column("SYSTEM", lambda bmc: bmc["system"]),
    Column("PRODUCT", lambda bmc: bmc["product"]),
    Column("USER", lambda bmc: bmc["user"]),
    Column("POWER", lambda bmc: power(bmc)),
    Column("FINGERPRINT", lambda bmc: bmc["fingerprint"]),
)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Trust:
    """How a BMC is logged in to, and what is trusted."""

    user: Annotated[str, Parameter(help="a user that may switch power and read it")]
    system: Annotated[
        str, Parameter(help="id or path of the host's system, where the service has several")
    ] = ""
    password_file: PasswordFile = ""
    fingerprint: Fingerprint = ""
    vouch: Annotated[
        bool, Parameter(help="you know that it is this host's, which the machines cannot tell")
    ] = False


def set_bmc(name: str, url: str, /, *, trust: Trust, where: Where = HERE) -> None:
    """Let the BMC at a Redfish address switch a host, such as https://10.0.0.9.

    It is logged in to once and asked which machine it is of. Its certificate is shown for you
    to compare, and no other is trusted from then on.
    """
    with connected(where) as client:
        path = f"/hosts/{key(name)}/bmc"
        shown = f"{path}/certificate"
        pinned = trust.fingerprint or confirmed(client, shown, {"url": url}, url)
        password = read_secret(trust.password_file, f"password of {trust.user} at {url}")
        body: Json = {"url": url, "user": trust.user, "password": password, "fingerprint": pinned}
        body |= {"system": trust.system} if trust.system else {}
        body |= {"vouch": True} if trust.vouch else {}
        show_one(client.post(path, body), COLUMNS, where.output)


def unset_bmc(name: str, /, *, where: Where = HERE) -> None:
    """Forget the BMC of a host, with its password."""
    with connected(where) as client:
        client.delete(f"/hosts/{key(name)}/bmc")
        note(f"no BMC switches {name} any more")


def power(bmc: Json | None) -> str:
    """Return what a BMC said last, and when; why it says nothing now."""
    if bmc is None:
        return "no BMC"
    said = str(bmc["power"])
    if bmc["watts"] is not None:
        said += f", {bmc['watts']:.0f} W"
    if bmc["read_at"] is not None:
        said += f", read {moment(bmc['read_at'])}"
    return f"unknown: {bmc['message']} (last: {said})" if bmc["message"] else said
