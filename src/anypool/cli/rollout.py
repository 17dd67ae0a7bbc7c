"""`anypool rollout`: pools that are being maintained host by host, or were."""

import time

from cyclopts import App

from anypool.cli.client import Client, Json, key
from anypool.cli.connection import HERE, Where, connected
from anypool.cli.lists import EVERY, Which, show_all
from anypool.cli.output import Column, aligned, show_list, show_one
from anypool.cli.terminal import clean, err, out
from anypool.cli.words import moment
from anypool.search import Noun

app = App(name="rollout", help="Rollouts: pools that are being maintained in waves, or were.")

COLUMNS = (
    Column("ID", lambda one: one["id"]),
    Column("POOL", lambda one: one["pool"]),
    Column("STATE", lambda one: one["state"]),
    Column("HOSTS", lambda one: f"{one['hosts_done']}/{one['hosts_total']}"),
    Column("WAVES", lambda one: _waves_done(one)),
    Column("OPERATION", lambda one: one["operation"] or ""),
    Column("BY", lambda one: one["by"]),
    Column("STARTED", lambda one: moment(one["started_at"])),
    Column("ENDED", lambda one: moment(one["ended_at"])),
    Column("MESSAGE", lambda one: one["message"]),
    Column("FORECAST", lambda one: one["forecast"] or "", wide=True),
    Column("ATTEMPTS", lambda one: one["attempts"], wide=True),
)
_ENDED = frozenset({"done", "cancelled"})
_STANDS = frozenset({"waiting", "paused"})
_EVERY_S = 0.5


@app.command(name="list")
def list_(*, which: Which = EVERY, where: Where = HERE) -> None:
    """List rolling maintenances, the newest first."""
    show_all("/rollouts", Noun.ROLLOUT, COLUMNS, which, where)


@app.command
def show(rollout: str, /, *, where: Where = HERE) -> None:
    """Show a rolling maintenance and its waves."""
    with connected(where) as client:
        found = client.get(f"/rollouts/{key(rollout)}")
        show_one(found, tuple(Column(c.title, c.value) for c in COLUMNS), where.output)
        if where.output in ("table", "wide"):
            out().print()
            show_waves(found)


@app.command
def watch(rollout: str, /, *, where: Where = HERE) -> int:
    """Follow a rolling maintenance to its end, or until it waits for somebody."""
    with connected(where) as client:
        return follow(client, rollout)


@app.command
def pause(rollout: str, /, *, where: Where = HERE) -> None:
    """Begin nothing further; a host that is handed over stays so."""
    _steer(rollout, "pause", where)


@app.command(name="continue")
def continue_(rollout: str, /, *, where: Where = HERE) -> None:
    """Go on after a pause or a failure; what failed is tried again."""
    _steer(rollout, "continue", where)


@app.command
def cancel(rollout: str, /, *, where: Where = HERE) -> None:
    """End it: no further host is emptied; hosts that are closed stay closed."""
    _steer(rollout, "cancel", where)


def show_waves(found: Json) -> None:
    """Print the waves of a forecast or a rollout, and how few there can be."""
    rows = [[f"{one['number']}.", ", ".join(one["hosts"]), one["state"]] for one in found["waves"]]
    count, fewest = len(found["waves"]), found["fewest"]
    least = "no way has fewer" if count <= fewest else f"none has fewer than {fewest}"
    lines = [f"{count} wave{'' if count == 1 else 's'}; {least}", *aligned(rows)]
    for line in lines:
        out().print(clean(line), markup=False)


def follow(client: Client, rollout: str) -> int:
    """Say what is new until it ends or waits for somebody; return the exit code, 0 for done."""
    said = ""
    while True:
        seen = client.get(f"/rollouts/{key(rollout)}")
        line = f"{seen['hosts_done']}/{seen['hosts_total']} hosts, {seen['state']}"
        line += f": {seen['message']}" if seen["message"] else ""
        line += _handed_over(client, seen)
        if line != said:
            err().print(clean(line), markup=False)
            said = line
        if seen["state"] in _ENDED:
            return 0 if seen["state"] == "done" else 1
        if seen["state"] in _STANDS:
            for verb in ("continue", "cancel"):
                err().print(f"  anypool rollout {verb} {seen['id']}", markup=False)
            return 1
        time.sleep(_EVERY_S)


def _handed_over(client: Client, seen: Json) -> str:
    """Return what the steps that wait for people say."""
    if not seen["operation"]:
        return ""
    steps = client.get(f"/operations/{key(seen['operation'])}")["steps"]
    waits = [
        step["message"]
        for step in steps
        if step.get("state") == "begun" and step.get("message") and _waits(step)
    ]
    return "".join(f"; {message}" for message in waits)


def _waits(step: Json) -> bool:
    return bool(step["action"]["type"] == "hand-over")


def _steer(rollout: str, verb: str, where: Where) -> None:
    with connected(where) as client:
        found = client.post(f"/rollouts/{key(rollout)}/{verb}")
        show_list([found], COLUMNS, where.output)


def _waves_done(one: Json) -> str:
    done = sum(wave["state"] == "done" for wave in one["waves"])
    return f"{done}/{len(one['waves'])}"
