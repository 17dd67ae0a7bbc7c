"""`anypool server fail-over`, `coverage`: spares take over the profiles of servers that failed."""

from dataclasses import dataclass
from typing import Annotated

from cyclopts import Parameter

from anypool.cli.client import Client, Json, key
from anypool.cli.connection import HERE, Where, connected
from anypool.cli.deeds import PLAINLY, How, begun, do
from anypool.cli.output import Column, show_list
from anypool.cli.terminal import note, read_secret
from anypool.cli.trusting import Fingerprint, PasswordFile, confirmed


@Parameter(name="*", group="How it is done")
@dataclass(frozen=True, kw_only=True)
class Following:
    """Whether the operation is followed."""

    watch: Annotated[bool, Parameter(name=("--watch", "-w"), help="follow it to its end")] = False


FOLLOWING = Following()

COLUMNS = (
    Column("SERVER", lambda one: one["server"]),
    Column("PROFILE", lambda one: one["profile"]),
    Column("SPARE", lambda one: one["spare"] or "NONE"),
    Column("EMPTIES", lambda one: f"{one['empties']} VMs" if one["empties"] else ""),
    Column("ALL AT ONCE", lambda one: one["together"] or "none"),
    Column("BY ITSELF", lambda one: one["failover"]),
    Column("STATE", lambda one: one["told"]),
    Column("POOL", lambda one: one["pool"], wide=True),
    Column("WHY NOT OTHERS", lambda one: "; ".join(f"{a}: {b}" for a, b in one["refused"]),
           wide=True),
)  # fmt: skip


def fail_over(
    server: str,
    /,
    *,
    to: Annotated[
        str, Parameter(help="a server, or a slot such as bx1/3; else the best spare")
    ] = "",
    dead: Annotated[
        str,
        Parameter(help="you say that it is dead, and why; for a server whose BMC is silent"),
    ] = "",
    how: How = PLAINLY,
    where: Where = HERE,
) -> int:
    """Bring the profile of a failed server to a spare, which is emptied first if need be.

    The server is switched off by force and seen to be off before anything else is done.
    """
    path = f"/servers/{key(server)}/fail-over"
    body: Json = {name: value for name, value in (("to", to), ("dead", dead)) if value}
    question = f"Switch {server} off by force and bring its profile to a spare?"
    return do(
        where, how, lambda client, dry: client.post(path, body, dry_run=dry), question=question
    )


def coverage(
    *,
    pool: Annotated[str, Parameter(help="of one pool alone")] = "",
    where: Where = HERE,
) -> None:
    """Show which servers are covered by which spare, and which are not."""
    with connected(where) as client:
        found = client.get("/coverage", **({"pool": pool} if pool else {}))
        show_list(found["items"], COLUMNS, where.output)


def restore_addresses(server: str, /, *, where: Where = HERE) -> None:
    """Give a server that is off, and bears no profile, the addresses it was built with.

    For one that came back after somebody said that it is dead.
    """
    with connected(where) as client:
        client.post(f"/servers/{key(server)}/restore-addresses")
        note(f"{server} has its own addresses")


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class New:
    """What is known of the new hardware; what is not given is as it was with the old one."""

    fingerprint: Fingerprint = ""
    address: Annotated[str, Parameter(help="address of its BMC, where that is another now")] = ""
    user: Annotated[str, Parameter(help="its user, where that is another now")] = ""
    password_file: PasswordFile = ""
    words: Annotated[str, Parameter(help="what became of the old one")] = (
        "it was taken out of its slot"
    )
    prove: Annotated[
        bool, Parameter(negative="--no-prove", help="try whether addresses can be written")
    ] = True


USUALLY = New()


def replace(
    server: str, /, *, new: New = USUALLY, how: Following = FOLLOWING, where: Where = HERE
) -> int:
    """Put new hardware in the place of a server: same slot, name and profile.

    You say by this that the old one is out of its slot. The certificate of the new BMC is shown
    for you to compare.
    """
    with connected(where) as client:
        body: Json = {"words": new.words, "prove": new.prove}
        body |= {"address": new.address} if new.address else {}
        body |= {"user": new.user} if new.user else {}
        place = new.address or _address(client, server)
        has_none = place.startswith("ipmi://")
        path, about = "/servers/certificate", {"address": place}
        pinned = "" if has_none else new.fingerprint or confirmed(client, path, about, place)
        body |= {"fingerprint": pinned} if pinned else {}
        if new.password_file:
            body |= {"password": read_secret(new.password_file, f"password at {place}")}
        answer = client.post(f"/servers/{key(server)}/replace", body)
        if answer["operation"] is None:
            note(f"{server} is {answer['server']['serial'] or answer['server']['id']} now")
            return 0
        return begun(client, where, How(watch=how.watch), answer)


def _address(client: Client, server: str) -> str:
    """Return where the BMC of a server is."""
    endpoint = client.get(f"/servers/{key(server)}")["endpoint"]
    return str(client.get(f"/endpoints/{key(endpoint)}")["uri"])


COMMANDS = (fail_over, coverage, restore_addresses, replace)
