"""`anypool policy`: standing rules about VMs and hosts."""

from dataclasses import dataclass
from typing import Annotated, Literal

from cyclopts import App, Parameter

from anypool.cli.client import Json, key
from anypool.cli.connection import HERE, Where, connected
from anypool.cli.deeds import TAKING, Taking, do
from anypool.cli.lists import EVERY, Which, show_all, show_single
from anypool.cli.output import Column, show_list, show_one
from anypool.cli.terminal import clean, confirm, note
from anypool.cli.words import duration, moment, size, to_seconds
from anypool.errors import Invalid
from anypool.search import Noun

app = App(name="policy", help="Policies: standing rules about VMs and hosts.")

Kind = Literal[
    "together",
    "apart",
    "exclusive",
    "spread",
    "on-hosts",
    "licence",
    "no-migration",
    "max-vms",
    "headroom",
    "pinned",
    "protected",
    "automation",
    "restart",
    "balance",
    "power",
    "replenish",
    "ha",
    "failover",
]
COLUMNS = (
    Column("NAME", lambda policy: policy["id"]),
    Column("KIND", lambda policy: policy["rule"]["kind"]),
    Column("STRENGTH", lambda policy: policy["strength"] if policy["enabled"] else "off"),
    Column("SCOPE", lambda policy: policy["scope"]),
    Column("VMS", lambda policy: policy["vms"]),
    Column("BREACHES", lambda policy: len(policy["breaches"])),
    Column("HOSTS", lambda policy: policy["hosts"], wide=True),
    Column("DETAILS", lambda policy: _details(policy["rule"]), wide=True),
    Column("DESCRIPTION", lambda policy: policy["description"], wide=True),
)
REPORTED = (
    Column("MADE", lambda plan: moment(plan["created_at"])),
    Column("ID", lambda plan: plan["id"]),
    Column("STATE", lambda plan: plan["state"]),
    Column("STEPS", lambda plan: plan["steps"]),
    Column("MOVES", lambda plan: plan["moves"]),
    Column("COPY", lambda plan: size(plan["cost"]["copy_bytes"])),
    Column("GOAL", lambda plan: plan["goal"]),
    Column("NOTE", lambda plan: plan["note"], wide=True),
)
ALL = (
    *(Column(column.title, column.value) for column in COLUMNS),
    Column("SOCKETS", lambda policy: _sockets(policy)),
    Column("OF UNKNOWN SIZE", lambda policy: policy["sockets_unknown"]),
    Column("ON HOSTS", lambda policy: [_counted(one) for one in policy["counted"]]),
    Column("BROKEN BY", lambda policy: [breach["why"] for breach in policy["breaches"]]),
    Column("IMBALANCE", lambda policy: _imbalance(policy)),
    Column("UNEVEN SINCE", lambda policy: moment(_watched(policy).get("uneven_since"))),
    Column("NOW", lambda policy: _watched(policy).get("why", "")),
    Column("BINDS NOTHING", lambda policy: policy["hint"]),
)


@Parameter(name="*", group="The rule")
@dataclass(frozen=True, kw_only=True)
class Details:
    """What a kind of rule needs to know; the reference says which kind takes what."""

    domain: Annotated[
        str | None, Parameter(help="host, or a kind of tag such as rack, chassis, power, site")
    ] = None
    minimum: Annotated[int | None, Parameter(help="domains to be reached at least")] = None
    prefix: Annotated[str | None, Parameter(help="how the tags begin, such as app:")] = None
    hosts: Annotated[str | None, Parameter(help="query for hosts, such as `tag = fast`")] = None
    avoid: Annotated[
        bool | None,
        Parameter(negative="--no-avoid", help="those hosts are the ones to avoid"),
    ] = None
    sockets: Annotated[int | None, Parameter(help="licensed sockets; 0 is any number")] = None
    pack: Annotated[
        bool | None,
        Parameter(negative="--no-pack", help="prefer hosts whose sockets are counted already"),
    ] = None
    source: Annotated[str | None, Parameter(help="query for hosts not to migrate from")] = None
    target: Annotated[str | None, Parameter(help="query for hosts not to migrate to")] = None
    maximum: Annotated[int | None, Parameter(help="VMs on one host at most")] = None
    memory_percent: Annotated[int | None, Parameter(help="memory to stay free, in %")] = None
    vcpus_percent: Annotated[
        int | None, Parameter(help="virtual CPUs at most for a hundred real ones")
    ] = None
    should: Annotated[bool, Parameter(negative="", help="a preference, not a must")] = False
    level: Annotated[
        Literal["disabled", "shadow", "manual", "partial", "automatic"] | None,
        Parameter(help="how much happens by itself"),
    ] = None
    priority: Annotated[
        Literal["highest", "high", "medium", "low", "lowest", "disabled"] | None,
        Parameter(help="when the VMs restart after a failure"),
    ] = None
    threshold_percent: Annotated[
        float | None, Parameter(help="imbalance up to which nothing is done")
    ] = None
    hold_s: Annotated[
        int | None, Parameter(help="seconds for which it must be larger before a plan is made")
    ] = None
    margin_percent: Annotated[
        float | None, Parameter(help="share of the imbalance that a plan must take away")
    ] = None
    cool_down_s: Annotated[
        int | None, Parameter(help="seconds without a plan after the end of the last one")
    ] = None
    at_once: Annotated[int | None, Parameter(help="moves of a plan at one time; 0: no limit")] = (
        None
    )
    window: Annotated[
        str | None, Parameter(help="when plans may begin by themselves: `mon-fri 22:00-06:00` UTC")
    ] = None
    lookback_s: Annotated[
        int | None, Parameter(help="seconds of which the loads of VMs are looked at")
    ] = None
    memory: Annotated[int | None, Parameter(help="weight of promised memory")] = None
    cpu: Annotated[int | None, Parameter(help="weight of used CPU")] = None
    network: Annotated[int | None, Parameter(help="weight of network traffic")] = None
    disk: Annotated[int | None, Parameter(help="weight of disk traffic")] = None
    low_percent: Annotated[
        float | None,
        Parameter(help="a host is closed, or given back, if the others then are at most so busy"),
    ] = None
    high_percent: Annotated[
        float | None,
        Parameter(help="a host is woken, or a spare joins, when the open ones are busier"),
    ] = None
    reserve: Annotated[int | None, Parameter(help="open hosts that stay empty")] = None
    proven_days: Annotated[
        int | None, Parameter(help="only hosts are closed that were seen to wake in so many days")
    ] = None
    renew: Annotated[
        bool | None,
        Parameter(
            negative="--no-renew", help="prove empty hosts anew whose proof of waking is too old"
        ),
    ] = None
    keep: Annotated[str | None, Parameter(help="query for hosts that stay on")] = None
    up: Annotated[
        str | None, Parameter(help="when all hosts are to be up: `mon-fri 06:00-20:00` UTC")
    ] = None
    after_s: Annotated[
        int | None, Parameter(help="seconds that a host is dead before a spare replaces it")
    ] = None
    most_a_day: Annotated[int | None, Parameter(help="spares that join in a day at most")] = None
    profiles: Annotated[
        str | None, Parameter(help="query for profiles that make hosts of spares; all if empty")
    ] = None
    silent_s: Annotated[
        float | None, Parameter(help="seconds without life before a host may be dead")
    ] = None
    power_every_s: Annotated[
        float | None, Parameter(help="seconds between two readings of a silent host's power")
    ] = None
    fence: Annotated[
        bool | None, Parameter(negative="--no-fence", help="silent hosts may be switched off")
    ] = None
    fences_percent: Annotated[
        float | None, Parameter(help="hosts that may be switched off at a time, in %; one may")
    ] = None
    fences_within_s: Annotated[float | None, Parameter(help="seconds that count as at a time")] = (
        None
    )
    cold_s: Annotated[
        float | None, Parameter(help="seconds without switching off after a cold start")
    ] = None
    dark_percent: Annotated[
        float | None, Parameter(help="silent hosts from which on none is switched off, in %")
    ] = None
    best_effort: Annotated[
        str | None, Parameter(help="query for VMs that are started again once only")
    ] = None
    turn_s: Annotated[
        float | None, Parameter(help="seconds that lower priorities wait for higher ones")
    ] = None
    in_place: Annotated[
        int | None, Parameter(help="starts of a VM that fails by itself before it goes elsewhere")
    ] = None
    tries: Annotated[
        int | None, Parameter(help="starts of a VM that fails by itself in all; 0 without end")
    ] = None
    store_lost_s: Annotated[
        float | None, Parameter(help="seconds a host may miss a datastore others see; 0 for ever")
    ] = None
    guest_silent_s: Annotated[
        float | None, Parameter(help="seconds without an answer before a guest is reset; 0 never")
    ] = None
    guest_resets: Annotated[int | None, Parameter(help="resets of one guest in an hour")] = None
    agent_silent_s: Annotated[
        float | None, Parameter(help="seconds of a silent guest agent before a reset; 0 never")
    ] = None
    agent_vms: Annotated[
        str | None, Parameter(help="query for VMs judged by their agents; all if empty")
    ] = None
    agent_quiet_s: Annotated[
        float | None, Parameter(help="seconds such a VM must not have read, written or sent")
    ] = None
    failures: Annotated[
        int | None, Parameter(help="failures of hosts, one after the other, to be survived")
    ] = None


NONE = Details()


@app.command(name="list")
def list_(*, which: Which = EVERY, where: Where = HERE) -> None:
    """List policies, with how many VMs each binds and how often it is broken now."""
    show_all("/policies", Noun.POLICY, COLUMNS, which, where)


@app.command
def show(name: str, /, *, where: Where = HERE) -> None:
    """Show one policy, and what breaks it now."""
    show_single("/policies", name, ALL, where)


@app.command
def add(
    name: str,
    kind: Kind,
    scope: Annotated[
        str,
        Parameter(
            help="query for VMs; for hosts: max-vms, headroom, failover, balance, "
            "power, replenish, ha"
        ),
    ],
    /,
    *,
    details: Details = NONE,
    where: Where = HERE,
) -> None:
    """Add a policy; it is refused if it and others cannot all be kept.

    Such as `anypool policy add web apart "tag = web" --domain rack`.
    """
    body: Json = {"name": name, "scope": scope, "rule": _rule(kind, details)}
    body |= {"strength": "should"} if details.should else {}
    with connected(where) as client:
        _told(client.post("/policies", body), where)


@app.command(name="set")
def set_(
    name: str,
    /,
    *,
    scope: Annotated[str | None, Parameter(help="query for VMs or hosts")] = None,
    details: Details = NONE,
    where: Where = HERE,
) -> None:
    """Change some details of a policy, such as `--level automatic`; the others stay."""
    given = {name: value for name, value in vars(details).items() if value is not None}
    should = given.pop("should")
    if not given and not should and scope is None:
        raise Invalid("nothing to change", hint="such as --level automatic")

    def new(old: Json) -> Json:
        body: Json = {"rule": {**old["rule"], **given}} if given else {}
        body |= {"strength": "should"} if should else {}
        return body if scope is None else {**body, "scope": scope}

    with connected(where) as client:
        _told(client.change(f"/policies/{key(name)}", new), where)


@app.command
def report(
    name: str,
    /,
    *,
    since: Annotated[str, Parameter(help="how far to look back, such as 24h, 30d")] = "30d",
    where: Where = HERE,
) -> None:
    """Tell what a policy did, or in shadow would have done."""
    with connected(where) as client:
        found = client.get(f"/policies/{key(name)}/report", since=-to_seconds(since))
    if where.output not in ("table", "wide"):
        show_one(found, (), where.output)
        return
    if found["plans"]:
        moved = found["moved"]
        told = [{**plan, "moves": moved.get(plan["id"], 0)} for plan in found["plans"]]
        show_list(told, REPORTED, where.output)
    note(_summary(found, since))


@app.command
def enable(name: str, /, *, where: Where = HERE) -> None:
    """Switch a policy on."""
    _switch(name, where, enabled=True)


@app.command
def disable(name: str, /, *, where: Where = HERE) -> None:
    """Switch a policy off, and keep it."""
    _switch(name, where, enabled=False)


@app.command
def remove(
    name: str,
    /,
    *,
    yes: Annotated[bool, Parameter(name=("--yes", "-y"), help="agree beforehand")] = False,
    where: Where = HERE,
) -> None:
    """Forget a policy."""
    with connected(where) as client:
        confirm(f"Forget the policy {name}?", yes=yes)
        client.delete(f"/policies/{key(name)}")
        note(f"there is no policy {name} any more")


@app.command
def pack(name: str, /, *, how: Taking = TAKING, where: Where = HERE) -> int:
    """Move the VMs of a licence together, so that fewer processor sockets are in use."""
    path = f"/policies/{key(name)}/pack"
    return do(where, how, lambda client, dry: client.post(path, dry_run=dry, **how.query))


def _told(policy: Json, where: Where) -> None:
    """Show a policy, and say at once if it binds nothing: a misspelt scope protects nobody."""
    show_list([policy], COLUMNS, where.output)
    if policy["hint"]:
        note(f"it binds nothing: {policy['hint']}")


def _sockets(policy: Json) -> str:
    limit = policy["rule"].get("sockets")
    return f"{policy['sockets']} of {limit}" if limit else str(policy["sockets"])


def _counted(one: Json) -> str:
    vms = f"{one['vms']} VM{'s' * (one['vms'] != 1)}"
    sockets = f"{one['sockets']} sockets" if one["sockets"] else "sockets unknown"
    return f"{one['host']}: {vms}, {sockets if one['licensed'] else 'not licensed'}"


def _switch(name: str, where: Where, *, enabled: bool) -> None:
    with connected(where) as client:
        show_list(
            [client.patch(f"/policies/{key(name)}", {"enabled": enabled})], COLUMNS, where.output
        )


def _rule(kind: str, details: Details) -> Json:
    given = {name: value for name, value in vars(details).items() if value is not None}
    del given["should"]
    return {"kind": kind, **given}


def _summary(found: Json, since: str) -> str:
    states = ", ".join(f"{count} {state}" for state, count in found["states"].items())
    if not states:
        return f"{clean(found['policy'])} made no plan in {since}."
    moves, vms = found["moves"], found["vms"]
    verb = "would have moved" if found["states"].get("shadow", 0) else "moved"
    words = f"{clean(found['policy'])} in {since}: {states}; {verb} {vms} VM{'s' * (vms != 1)}"
    if moves > vms:
        words += f" in {moves} moves"
    if moves:
        words += f", {size(found['copy_bytes'])}, longest pause {duration(found['pause_ms'])}"
    return words + (" (only the newest thousand plans)." if found["more"] else ".")


def _watched(policy: Json) -> Json:
    found: Json = policy.get("watched") or {}
    return found


def _imbalance(policy: Json) -> str:
    known = _watched(policy)
    return f"{known['percent']:.2f} %" if known else ""


def _details(rule: Json) -> str:
    return ", ".join(f"{name}={value}" for name, value in rule.items() if name != "kind")
