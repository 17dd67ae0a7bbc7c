"""Hosts that fall silent: what is thought of them, what is decided, and what starts elsewhere."""

from msgspec import Struct
from msgspec.structs import replace

from anypool.errors import NoPlan
from anypool.model import (
    APART_S,
    Capability,
    HighAvailability,
    HostId,
    Inventory,
    PowerOff,
    Vm,
    VmState,
)
from anypool.plan import Plan, digest, names_in, reason, refuse, say
from anypool.plan.render import told_proof
from anypool.planner.ha.again import Task, start_again
from anypool.planner.ha.brake import Situation
from anypool.planner.ha.decide import Case, Decision, NeedsProof, Recover, decide
from anypool.planner.ha.detect import LIFE, Heard, Path, Verdict, Word, detect, grouped
from anypool.planner.ha.life import Life
from anypool.scenario.deed import Asked
from anypool.scenario.event import Event
from anypool.scenario.world import World

NOW = 1_000_000.0
FRESH_S = 90.0
_USUAL_S = 600.0
_OLD = "scenario"


class Silent(Struct, frozen=True, kw_only=True):
    """What is said of one host: each path's word, for how long, and whether off was read twice."""

    words: dict[Path, Word]
    for_s: float = _USUAL_S
    twice: bool = False


def judged(world: World, event: Event) -> tuple[str, ...]:
    """Return what is thought of each host that is named, and decided about it, a line each.

    `judge h1 management:silent bmc:on for 60, h2 management:peers, fenced 1, begun 100`; all
    other hosts are healthy. Raise `Invalid` for what is not understood.
    """
    asked = Asked(world, event.item, event.words)
    said, fenced, begun = _read(asked)
    rule = next(
        (p.rule for p in world.policies if isinstance(p.rule, HighAvailability)),
        HighAvailability(),
    )
    inventory = world.inventory
    alone = {
        key: _verdict(key, said.get(key, Silent(words={Path.MANAGEMENT: Word.ANSWERS})), rule)
        for key in sorted(inventory.hosts)
    }
    verdicts = grouped(alone, rule.silent_s)
    situation = Situation(
        rule=rule,
        verdicts=tuple(verdicts.values()),
        now=NOW,
        fences=(NOW - 1.0,) * fenced,
        cold_at=NOW - begun if begun else 0.0,
    )
    return tuple(
        _told(verdicts[key], decide(_case(verdicts[key], said[key], inventory), situation), world)
        for key in said
    )


def recovered(asked: Asked) -> Plan:
    """Return what starts again when hosts are proven dead; raise `NoPlan` if nothing does.

    Without a host it is what crashed on hosts that live. All VMs count as made by anypool.
    """
    hosts = frozenset(asked.host(name) for name in asked.words)
    known = asked.inventory.vms.values()
    ours = {vm.id: replace(vm, made_by=vm.made_by or _OLD) for vm in known}
    inventory = asked.inventory.patched_vms(dict(ours))
    down = frozenset(vm.id for vm in ours.values() if _is_down(vm, hosts))
    proofs = tuple(PowerOff(host=key, first_at=1.0, at=1.0 + APART_S) for key in sorted(hosts))
    task = Task(vms=down, proofs=proofs, seen_at=NOW)
    found = start_again(inventory, task, asked.world.rules(), asked.world.services)
    if found.plan is None:
        names = names_in(inventory)
        against = tuple((reason("said", text=names(vm)), why) for vm, why in found.down.items())
        refusals = {say(who): say(why) for who, why in against}
        raise refuse(NoPlan, reason("ha.nothing-ran"), refusals=refusals, against=against)
    return replace(found.plan, based_on=digest(asked.inventory))


def _is_down(vm: Vm, hosts: frozenset[HostId]) -> bool:
    if vm.host in hosts:
        return vm.state is VmState.UNKNOWN
    return not hosts and vm.state is VmState.CRASHED


def _read(asked: Asked) -> tuple[dict[HostId, Silent], int, float]:
    said: dict[HostId, Silent] = {}
    numbers = {"fenced": 0.0, "begun": 0.0}
    for part in " ".join(asked.words).split(","):
        first, *rest = part.split() or [""]
        if first in numbers and len(rest) == 1 and rest[0].isdigit():
            numbers[first] = float(rest[0])
        else:
            said[asked.host(first)] = _silent(asked, rest)
    return said, int(numbers["fenced"]), numbers["begun"]


def _silent(asked: Asked, words: list[str]) -> Silent:
    found: dict[Path, Word] = {}
    for_s, twice = _USUAL_S, False
    left = iter(words)
    for word in left:
        path, _, says = word.partition(":")
        if word == "twice":
            twice = True
        elif word == "for" and (count := next(left, "")).isdigit():
            for_s = float(count)
        elif path in list(Path) and says in list(Word):
            found[Path(path)] = Word(says)
        else:
            hint = f"PATH:WORD of {', '.join(Path)} and {', '.join(Word)}; `for 60`; `twice`"
            raise asked.item.wrong(f"{word!r} is not understood", hint=hint)
    return Silent(words=found, for_s=for_s, twice=twice)


def _verdict(key: HostId, said: Silent, rule: HighAvailability) -> Verdict:
    heard = tuple(
        Heard(
            path=path,
            word=word,
            at=NOW,
            life_at=NOW if word in LIFE else NOW - said.for_s,
        )
        for path, word in said.words.items()
    )
    return detect(key, heard, NOW, silent_s=rule.silent_s, fresh_s=FRESH_S)


def _case(verdict: Verdict, said: Silent, inventory: Inventory) -> Case:
    host = inventory.hosts[verdict.host]
    off = said.words.get(Path.BMC) is Word.OFF
    proof = PowerOff(host=host.id, first_at=NOW - 2 * APART_S, at=NOW - APART_S)
    kept = (VmState.RUNNING, VmState.UNKNOWN)
    return Case(
        verdict=verdict,
        life=Life(host=host.id, life_at=verdict.life_at),
        bmc=Capability.HOST_POWER in host.capabilities,
        proof=proof if off and said.twice else None,
        off_at=NOW if off else 0.0,
        asked_at=NOW if Path.BMC in said.words else 0.0,
        at_risk=sum(vm.state in kept for vm in inventory.vms_on(host.id)),
    )


def _told(verdict: Verdict, decision: Decision, world: World) -> str:
    names = names_in(world.inventory)
    condition = verdict.condition
    together = f" with {', '.join(map(names, verdict.together))}" if verdict.together else ""
    if isinstance(decision, Recover):
        why = say(told_proof(decision.proof, names))
    else:
        why = say(decision.why)
    would = (
        f"; would do: {', '.join(decision.would_do)}" if isinstance(decision, NeedsProof) else ""
    )
    kind = _KINDS[type(decision).__name__]
    return f"{names(verdict.host)} is {condition}{together}: {kind}: {why}{would}"


_KINDS = {
    "Leave": "left alone",
    "Hold": "nothing yet",
    "ReadPower": "its BMC is asked",
    "Fence": "switched off",
    "Recover": "its VMs start elsewhere",
    "NeedsProof": "needs a proof",
}
