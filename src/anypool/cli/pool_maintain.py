"""`anypool pool maintain`: the hosts of a pool one after the other, or a few together."""

from dataclasses import dataclass
from typing import Annotated, Literal

from cyclopts import Parameter

from anypool.cli.client import Client, Json, key
from anypool.cli.connection import HERE, Where, connected
from anypool.cli.deeds import TAKING, Taking
from anypool.cli.output import show_one
from anypool.cli.preview import show_plan
from anypool.cli.rollout import follow, show_waves
from anypool.cli.terminal import confirm, note, out


@Parameter(name="*", group="How hosts are maintained")
@dataclass(frozen=True, kw_only=True)
class Maintaining:
    """Which hosts, how many together, and what follows."""

    hosts: Annotated[
        tuple[str, ...],
        Parameter(
            consume_multiple=True,
            negative="",
            help="only these; otherwise all that are neither off nor in maintenance",
        ),
    ] = ()
    max_hosts: Annotated[int, Parameter(help="so many are out of service together")] = 1
    domain: Annotated[
        str, Parameter(help="hosts of different domains of this kind are not off together")
    ] = "rack"
    across: Annotated[
        bool, Parameter(negative="", help="hosts of different domains may be off together")
    ] = False
    no_return: Annotated[bool, Parameter(negative="", help="leave VMs where they went")] = False
    shut_down: Annotated[
        bool,
        Parameter(negative="", help="shut down VMs that cannot move, and start them afterwards"),
    ] = False
    until_ready: Annotated[
        bool,
        Parameter(
            negative="",
            help="a host is back only when `anypool host ready` says so, not when it was away",
        ),
    ] = False
    hypervisor: Annotated[
        str, Parameter(help="what its hypervisor must be called afterwards, such as 9.2")
    ] = ""
    back_within: Annotated[
        float, Parameter(help="minutes for a host that is away to come back")
    ] = 20.0
    on_failure: Annotated[
        Literal["stop", "retry"], Parameter(help="wait for somebody, or try again first")
    ] = "stop"
    retries: Annotated[int, Parameter(help="attempts after a failure, with --on-failure retry")] = 3
    retry_after: Annotated[float, Parameter(help="seconds between two attempts")] = 60.0

    @property
    def body(self) -> Json:
        """Return what the request says of it."""
        return {
            "hosts": [one for given in self.hosts for one in given.split(",") if one],
            "max_hosts": self.max_hosts,
            "domain": self.domain,
            "across": self.across,
            "put_back": not self.no_return,
            "shut_down": self.shut_down,
            "seen": not self.until_ready,
            "hypervisor": self.hypervisor,
            "return_s": 60 * self.back_within,
            "on_failure": self.on_failure,
            "retries": self.retries,
            "retry_after_s": self.retry_after,
        }


PLAINLY = Maintaining()


def maintain(
    name: str, /, *, what: Maintaining = PLAINLY, how: Taking = TAKING, where: Where = HERE
) -> int:
    """Empty the hosts of a pool in turn, have each serviced, verify it, and fill it again.

    No host is begun before the last is verified. What is handed over is serviced by people:
    reboot it, or say `anypool host ready HOST` when it is done.
    """
    path = f"/pools/{key(name)}/maintain"
    body = what.body | how.query
    with connected(where) as client:
        if how.dry_run:
            _forecast(client, where, client.post(path, body, dry_run=True))
            return 0
        if not how.yes:
            found = client.post(path, body, dry_run=True)
            count, waves = sum(len(one["hosts"]) for one in found["waves"]), len(found["waves"])
            confirm(f"Maintain {count} hosts of {name} in {waves} waves?", yes=False)
        return _begun(client, where, how, client.post(path, body))


def _forecast(client: Client, where: Where, found: Json) -> None:
    if where.output not in ("table", "wide"):
        show_one(found, (), where.output)
        return
    show_waves(found)
    out().print()
    show_plan(client, found["plan"], where.output)
    note("Nothing was done, and this plan is a forecast: each wave is planned anew when it begins.")


def _begun(client: Client, where: Where, how: Taking, rollout: Json) -> int:
    if how.watch:
        return follow(client, rollout["id"])
    if where.output in ("json", "yaml"):
        show_one(rollout, (), where.output)
    elif where.output == "name":
        out().print(rollout["id"], markup=False)
    else:
        out().print(f"{rollout['id']} started: {rollout['message']}", markup=False)
        note(f"follow it: anypool rollout watch {rollout['id']}")
    return 0
