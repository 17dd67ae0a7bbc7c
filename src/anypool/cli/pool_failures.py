"""`anypool pool what-if`, `death-map` and `capacity`: what if something failed."""

from dataclasses import dataclass
from typing import Annotated, Literal

from cyclopts import Parameter

from anypool.cli.client import Json, key
from anypool.cli.connection import HERE, Where, connected
from anypool.cli.lists import EVERY, Which, show_all
from anypool.cli.output import Column, show_list, show_one
from anypool.cli.terminal import note
from anypool.cli.words import duration, to_mib
from anypool.errors import Invalid
from anypool.search import Noun

FATES = (
    Column("VM", lambda fate: fate["vm_name"]),
    Column("FROM", lambda fate: fate["home_name"]),
    Column("TO", lambda fate: fate["host_name"]),
    Column("AT", lambda fate: _moment(fate)),
    Column("PRIORITY", lambda fate: fate["priority"]),
    Column("WHY", lambda fate: _why(fate)),
    Column("AFTER", lambda fate: fate["after"], wide=True),
    Column("READY WHEN", lambda fate: fate["ready"], wide=True),
)


def what_if(
    name: str,
    /,
    *,
    host: Annotated[tuple[str, ...], Parameter(negative="", help="a host that fails")] = (),
    domain: Annotated[str, Parameter(help="a tag; all hosts that bear it fail: rack:r1")] = "",
    datastore: Annotated[str, Parameter(help="a datastore that is lost")] = "",
    where: Where = HERE,
) -> None:
    """Say what would happen to every VM of a pool if hosts or a datastore failed; do nothing.

    Such as `anypool pool what-if default --host h3`. Several hosts fail at the same time.
    """
    strange = [one for one in host if "," in one]
    if strange:
        raise Invalid(f"{strange[0]!r} is no name of a host", hint="repeat --host for each")
    query = {"host": ",".join(host), "domain": domain, "datastore": datastore}
    with connected(where) as client:
        found = client.get(f"/pools/{key(name)}/what-if", **query)
        if where.output in ("json", "yaml"):
            show_one(found, (), where.output)
            return
        rows = [*found["vms"], *found["lost"]]
        if where.output == "name":
            rows = [{"name": row["vm_name"]} for row in found["lost"]]
        if rows:
            show_list(rows, FATES, where.output)
        _summary(found)


MOMENTS = (
    Column("AT", lambda one: duration(round(1000 * one["at_s"])) if one["at_s"] else "0 s"),
    Column("WHAT", lambda one: one["what"]),
    Column("TOLD", lambda one: one["text"]),
    Column("HOST", lambda one: one["host_name"], wide=True),
    Column("VM", lambda one: one["vm_name"], wide=True),
)


@Parameter(name="*")
@dataclass(frozen=True)
class Way:
    """How hosts fail, and how long a person takes."""

    how: Annotated[
        Literal["off", "hangs", "mute"],
        Parameter(help="no power, hanging with it, or no power and no word of the BMC"),
    ] = "off"
    person_s: Annotated[
        int, Parameter(help="seconds until somebody confirms what nothing proves; 0 for never")
    ] = 120


USUAL = Way()


def rehearse(
    name: str,
    /,
    *,
    host: Annotated[tuple[str, ...], Parameter(negative="", help="a host that fails")] = (),
    domain: Annotated[str, Parameter(help="a tag; all hosts that bear it fail: rack:r1")] = "",
    way: Way = USUAL,
    where: Where = HERE,
) -> None:
    """Play the failure of hosts on a copy of the pool, with the decisions and plans that follow.

    Such as `anypool pool rehearse default --host h3`. Nothing happens, and nothing is kept.
    """
    query = {"host": ",".join(host), "domain": domain, "how": way.how, "person_s": way.person_s}
    with connected(where) as client:
        found = client.get(f"/pools/{key(name)}/rehearsal", **query)
    if where.output not in ("table", "wide"):
        show_one(found, (), where.output)
        return
    show_list(found["moments"], MOMENTS, where.output)
    back = len(found["vms"]) - found["lost"]
    took = duration(round(1000 * found["seconds"])) or "0 s"
    note(f"A rehearsal: nothing happened. {back} of {len(found['vms'])} VMs run after {took}.")
    if not found["guarded"]:
        note("No policy of the kind ha guards these hosts: nothing would start by itself.")


FAILURES = (
    Column("FAILURE", lambda one: one["name"]),
    Column("KIND", lambda one: one["kind"]),
    Column("HOSTS", lambda one: len(one["hosts"])),
    Column("VMS", lambda one: one["vms"]),
    Column("LOST", lambda one: one["lost"]),
    Column("LEFT", lambda one: one["left"]),
    Column("LAST START", lambda one: duration(round(1000 * one["seconds"]))),
    Column("FIRST REASON", lambda one: one["why"]),
)
DOOMS = (
    Column("FAILURE", lambda fate: fate["failure"]),
    Column("KIND", lambda fate: fate["kind"]),
    *FATES[:-1],
)


def death_map(
    name: str,
    /,
    *,
    vms: Annotated[
        bool, Parameter(negative="", help="a row for each VM in each failure, not for each failure")
    ] = False,
    which: Which = EVERY,
    where: Where = HERE,
) -> None:
    """List what every host, chassis, rack, power feed, site and datastore would do if it failed.

    Such as `anypool pool death-map default -f "lost > 0"`, or which VMs would not survive
    what: `anypool pool death-map default --vms -f "survives = false"`.
    """
    if vms:
        show_all(f"/pools/{key(name)}/fates", Noun.FATE, DOOMS, which, where)
    else:
        show_all(f"/pools/{key(name)}/death-map", Noun.FAILURE, FAILURES, which, where)
        if where.output in ("table", "wide"):
            _servers(name, where)


def _servers(pool: str, where: Where) -> None:
    """Say how many servers of a pool that bear a profile a spare would take over."""
    with connected(where) as client:
        found = client.get("/coverage", pool=pool)["items"]
    if found:
        bare = [str(one["server"]) for one in found if not one["spare"]]
        names = f": {', '.join(bare[:5])}" if bare else ""
        told = f"{len(found) - len(bare)} covered by a spare, {len(bare)} not{names}"
        note(f"servers with a profile: {told} (`anypool server coverage --pool {pool}`)")


ON_HOSTS = (
    Column("HOST", lambda one: one["host"]),
    Column("MORE VMS", lambda one: one["vms"]),
)


def capacity(
    name: str,
    /,
    *,
    size: Annotated[str, Parameter(help="of each VM, such as 2cpu,4GiB or 4GiB")],
    survive: Annotated[int, Parameter(help="hosts that may fail at the same time")] = 0,
    where: Where = HERE,
) -> None:
    """Say how many more VMs of a size fit into a pool, and on which hosts they would be.

    Such as `anypool pool capacity default --size 2cpu,4GiB --survive 1`.
    """
    query = {**_size(size), "survive": survive}
    with connected(where) as client:
        found = client.get(f"/pools/{key(name)}/capacity", **query)
        if where.output in ("json", "yaml"):
            show_one(found, (), where.output)
            return
        if found["hosts"]:
            show_list(found["hosts"], ON_HOSTS, where.output)
        note(_fitting(found, size, survive))


def _fitting(found: Json, size: str, survive: int) -> str:
    hosts = f"{survive} host{'s' * (survive != 1)}"
    if found["count"] < 0:
        return f"None: the pool does not survive the failure of {hosts} even as it is."
    words = f"{found['count']} more of {size} fit"
    if survive:
        words += f" such that any {hosts} may fail"
    if found["count"] == found["bound"]:
        return f"{words}; no placement has more."
    how = "" if found["exact"] else ", judged by a safe bound"
    return f"{words}{how}; no placement has more than {found['bound']}."


def _size(text: str) -> Json:
    """Return what the request says of a size such as 2cpu,4GiB; raise `Invalid`."""
    found: Json = {}
    for part in text.replace(" ", "").lower().split(","):
        count = part.removesuffix("s").removesuffix("cpu").removesuffix("v")
        if count != part.removesuffix("s") and count.isdecimal():
            found["vcpus"] = int(count)
        else:
            to_mib(part)
            found["memory"] = part
    if "memory" not in found:
        raise Invalid(f"{text!r} has no memory", hint="such as 2cpu,4GiB")
    return found


def _summary(found: Json) -> None:
    restarted, lost = len(found["vms"]), len(found["lost"])
    if not restarted + lost:
        note(f"Nothing runs on {found['name']}: its failure stops no VM.")
        return
    seconds = duration(round(1000 * found["seconds"]))
    words = f"{restarted} VM{'s' * (restarted != 1)} would restart, the last begins after {seconds}"
    note(f"{words}; {lost} would not." if restarted else f"{lost} VMs would not restart.")
    if left := sum(one["left"] for one in found["lost"]):
        note(f"{left} of them have a place, where nobody here starts them.")
    for proof in found["proofs"]:
        note(f"To be proven first: {proof['why']}.")
    for one in found["asks"] if restarted else ():
        note(f"Not by itself: {', '.join(one['hosts'])}: {one['why']}.")
    note("Nothing was done.")


def _moment(fate: Json) -> str:
    return "never" if fate["starts_s"] is None else duration(round(1000 * fate["starts_s"]))


def _why(fate: Json) -> str:
    if fate["left"]:
        return f"{fate['why']}; {fate['near']} has room for it"
    return f"{fate['near']}: {fate['why']}" if fate["near"] else str(fate["why"])
