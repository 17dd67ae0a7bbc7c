"""`anypool plan`: what was proposed, and whether it shall be done."""

from typing import Annotated

from cyclopts import App, Parameter

from anypool.cli.client import Json, key
from anypool.cli.connection import HERE, Where, connected
from anypool.cli.deeds import PLAINLY, How, begun
from anypool.cli.lists import EVERY, Which, show_all
from anypool.cli.output import Column, show_list, show_one
from anypool.cli.preview import show_plan
from anypool.cli.terminal import note
from anypool.cli.words import duration, moment, size
from anypool.search import Noun

app = App(name="plan", help="Plans: proposals with reasons and a price.")

app.command(
    "anypool.cli.plan_balance:balance",
    name="balance",
    help="Say which VMs of a cluster in a file to move where.",
)

app.command("anypool.cli.plan_replay:replay", name="replay", help="Make plans again.")
app.command(
    "anypool.cli.plan_replay:planners", name="planners", help="List planners to replay with."
)

COLUMNS = (
    Column("ID", lambda plan: plan["id"]),
    Column("GOAL", lambda plan: plan["goal"]),
    Column("STATE", lambda plan: _state(plan)),
    Column("STEPS", lambda plan: _count(plan["steps"])),
    Column("DURATION", lambda plan: duration(plan["cost"]["duration_ms"])),
    Column("POLICY", lambda plan: plan.get("policy") or ""),
    Column("BY", lambda plan: plan["by"]),
    Column("MADE", lambda plan: moment(plan["created_at"])),
    Column("COPY", lambda plan: size(plan["cost"]["copy_bytes"]), wide=True),
    Column("PAUSE", lambda plan: duration(plan["cost"]["pause_ms"]), wide=True),
    Column("OPERATION", lambda plan: plan["operation"], wide=True),
    Column("NOTE", lambda plan: _note(plan), wide=True),
)


DIFFERENCES = (
    Column("CHANGE", lambda step: step["change"]),
    Column("BEFORE", lambda step: step["before"]),
    Column("AFTER", lambda step: step["after"]),
    Column("WHY", lambda step: step["why"], wide=True),
)


@app.command(name="list")
def list_(*, which: Which = EVERY, where: Where = HERE) -> None:
    """List plans, newest first."""
    show_all("/plans", Noun.PLAN, COLUMNS, which, where)


@app.command
def show(plan: str, /, *, where: Where = HERE) -> None:
    """Show a plan: its steps with reasons, its price, what was rejected."""
    with connected(where) as client:
        show_plan(client, client.get(f"/plans/{key(plan)}"), where.output)


@app.command
def diff(
    plan: str,
    other: Annotated[
        str, Parameter(help="the plan to compare with; the one its policy made before if left out")
    ] = "",
    /,
    *,
    where: Where = HERE,
) -> None:
    """Show what differs between a plan and an older one, step by step."""
    with connected(where) as client:
        found = client.get(f"/plans/{key(plan)}/differences", to=other)
    if where.output not in ("table", "wide"):
        show_one(found, (), where.output)
        return
    show_list(found["steps"], DIFFERENCES, where.output)
    same = sum(step["change"] == "same" for step in found["steps"])
    note(f"{found['old']} -> {found['new']}: {same} of {len(found['steps'])} steps are the same")


@app.command
def approve(plan: str, /, *, where: Where = HERE) -> None:
    """Accept a plan without running it yet."""
    _decide(plan, "approve", where)


@app.command
def reject(plan: str, /, *, where: Where = HERE) -> None:
    """Put a plan aside that did not run."""
    _decide(plan, "reject", where)


@app.command
def run(plan: str, /, *, how: How = PLAINLY, where: Where = HERE) -> int:
    """Carry a plan out, exactly as it was shown."""
    with connected(where) as client:
        path = f"/plans/{key(plan)}"
        if how.dry_run:
            show_plan(client, client.get(path), where.output)
            note("Nothing was done.")
            return 0
        return begun(client, where, how, client.post(f"{path}/run"))


@app.command
def remake(
    plan: str,
    /,
    *,
    without_vm: Annotated[tuple[str, ...], Parameter(help="a VM that stays; repeatable")] = (),
    without_host: Annotated[
        tuple[str, ...], Parameter(help="a host that nothing comes to; repeatable")
    ] = (),
    where: Where = HERE,
) -> None:
    """Make a plan again from its wish, without some VMs and hosts; both plans are kept."""
    with connected(where) as client:
        body = {"without_vms": without_vm, "without_hosts": without_host}
        made = client.post(f"/plans/{key(plan)}/remake", body)
        show_plan(client, made, where.output)
        note(f"What differs: anypool plan diff {made['id']} {plan}")


def _decide(plan: str, verb: str, where: Where) -> None:
    with connected(where) as client:
        show_list([client.post(f"/plans/{key(plan)}/{verb}")], COLUMNS, where.output)


def _state(plan: Json) -> str:
    """Return the state, and that nobody here can run it."""
    return f"{plan['state']} (unknown actions)" if plan.get("unknown") else str(plan["state"])


def _note(plan: Json) -> str:
    strange = ", ".join(plan.get("unknown", ()))
    words = [plan["note"], f"unknown to this release: {strange}" if strange else ""]
    return "; ".join(filter(None, words))


def _count(steps: object) -> object:
    return len(steps) if isinstance(steps, list) else steps
