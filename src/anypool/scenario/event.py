"""`events.yaml`: what happens, one after the other, in a few words each."""

from msgspec import Struct

from anypool.scenario.page import Item, instead

DEEDS: dict[str, str] = {
    "create": "create web3 2GiB +web on h1, web4 2GiB stopped",
    "start": "start web1",
    "migrate": "migrate web1 to h2",
    "evacuate": "evacuate h1",
    "maintain": "maintain h1 h2 h3 together 2 shut-down",
    "balance": "balance",
    "save-power": "save-power low 40 high 75 reserve 1 failures 1",
    "prove-wake": "prove-wake h1",
    "switch-off": "switch-off h1",
    "switch-on": "switch-on h1",
    "leave": "leave h1",
    "pack": "pack paid",
    "consolidate": "consolidate survive 1 headroom 20",
    "start-service": "start-service shop",
    "stop-service": "stop-service shop",
    "stop": "stop web1",
    "power-off": "power-off web1",
    "restart": "restart web1",
    "pause": "pause web1",
    "resume": "resume web1",
    "delete": "delete web1",
    "rename": "rename web1 www",
    "resize": "resize web1 4GiB 2vcpus",
    "snapshot": "snapshot web1 before",
    "revert": "revert web1 before",
    "forget-snapshot": "forget-snapshot web1 before",
    "add-disk": "add-disk web1 vdb san",
    "drop-disk": "drop-disk web1 vdb",
    "add-nic": "add-nic web1 52:54:00:00:00:02 lan",
    "drop-nic": "drop-nic web1 52:54:00:00:00:02",
    "close": "close h1",
    "open": "open h1",
    "recover": "recover h1",
    "fail-over": "fail-over b1 to b2",
    "assign": "assign db to b1",
    "make-host": "make-host node1 to b1",
    "retire-host": "retire-host b1",
    "repurpose": "repurpose b1 n2 to db web yields test starts shop stops night hosts",
}
"""What somebody asks for, with an example: each becomes a plan."""

HAPPENINGS: dict[str, str] = {
    "dies": "h1 dies",
    "answers": "h1 answers",
    "is-off": "h1 is-off",
    "joins": "h4 joins 16GiB 8cpus +rack:a",
    "leaves": "h4 leaves",
    "crashes": "web1 crashes",
    "appears": "web9 appears h1 2GiB",
    "disappears": "web9 disappears",
    "moves": "web1 moves h2",
    "is-tagged": "web1 is-tagged +web -db",
    "loses-power": "b1 loses-power",
    "is-mute": "b1 is-mute",
}
"""What happens without us, with an example; the subject comes first."""

POLICY_VERBS: dict[str, str] = {
    "drop-policy": "drop-policy web-apart",
    "disable-policy": "disable-policy web-apart",
    "enable-policy": "enable-policy web-apart",
}
LATER = {"plan": "plan evacuate h1", "run": "run", "begin": "begin 1", "go-on": "go-on"}
"""`plan` only makes a plan; `run` runs the last plan that was only made.

`begin 1` does its first step, `go-on` what is left of it after whatever happened meanwhile.
"""
QUESTIONS = {
    "what-if": "what-if h1 h2",
    "death-map": "death-map",
    "judge": "judge h1 management:silent bmc:on for 60",
    "coverage": "coverage",
}
"""What is only asked: nothing is planned, and nothing changes."""
BIG = ("add-policy", "by-hand", "plan-by-hand")
"""Events that have more to say than a line: a policy, or a plan that somebody wrote."""

VERBS = (*DEEDS, *POLICY_VERBS, *LATER, *QUESTIONS)
EXAMPLES = {**DEEDS, **HAPPENINGS, **POLICY_VERBS, **LATER, **QUESTIONS}


class Event(Struct, frozen=True, kw_only=True):
    """One thing that happens: a verb with its words, and the item that says it."""

    item: Item
    text: str
    verb: str
    words: tuple[str, ...] = ()

    @property
    def example(self) -> str:
        """How one writes it."""
        return EXAMPLES[self.verb]


def read_events(page: Item) -> tuple[Event, ...]:
    """Return the events of a file in order; raise `Invalid` with file and line."""
    return tuple(_event(item) for item in page.entries())


def _event(item: Item) -> Event:
    if isinstance(item.value, str):
        return event_of(item, item.text())
    big = tuple(item.mapping().items())
    if len(big) != 1 or big[0][0] not in BIG:
        hint = "most are plain words, such as `- evacuate h1`; add-policy and by-hand take more"
        raise item.wrong("this is no event", hint=hint)
    verb, inner = big[0]
    if verb != "add-policy":
        lines = [one.text() for one in inner.entries()]
        if not lines:
            raise inner.wrong("a plan by hand needs steps", hint="- migrate web1 to h2")
        told = f"{verb.replace('-', ' ')}: {'; '.join(lines)}"
        return Event(item=inner, text=told, verb=verb)
    if len(inner.mapping()) != 1:
        hint = "write `add-policy: {web-apart: {apart: tag = web}}`"
        raise inner.wrong("one policy at a time", hint=hint)
    name = next(iter(inner.mapping()))
    return Event(item=inner, text=f"add policy {name}", verb=verb)


def event_of(item: Item, text: str) -> Event:
    """Return the event that a line tells; raise `Invalid`."""
    words = text.split()
    if words and words[0] in VERBS:
        return _checked(Event(item=item, text=text, verb=words[0], words=tuple(words[1:])))
    if len(words) > 1 and words[1] in HAPPENINGS:
        rest = (words[0], *words[2:])
        return _checked(Event(item=item, text=text, verb=words[1], words=rest))
    word = words[0] if words else ""
    near = instead(word, (*VERBS, *HAPPENINGS, *BIG))
    raise item.wrong(f"{text!r} is no event", hint=near)


_COUNTS: dict[str, tuple[int, int]] = {
    "create": (1, 10_000),
    "migrate": (1, 5),
    "rename": (2, 4),
    "resize": (2, 5),
    **dict.fromkeys(("snapshot", "revert", "forget-snapshot"), (2, 4)),
    "add-disk": (3, 5),
    "add-nic": (3, 5),
    "drop-disk": (2, 4),
    "drop-nic": (2, 4),
    "joins": (1, 50),
    "appears": (1, 50),
    "moves": (2, 2),
    "is-tagged": (2, 50),
    "plan": (2, 10_000),
    "what-if": (1, 10_000),
    "death-map": (0, 0),
    "coverage": (0, 0),
    **dict.fromkeys(("fail-over", "assign", "make-host"), (1, 3)),
    "repurpose": (1, 10_000),
    "judge": (1, 10_000),
    "recover": (0, 10_000),
    "maintain": (1, 10_000),
    "balance": (0, 1),
    "save-power": (0, 20),
    "consolidate": (0, 5),
    "run": (0, 0),
    "go-on": (0, 0),
    **dict.fromkeys(("start", "stop", "power-off", "restart", "pause", "resume", "delete"), (1, 3)),
}
"""How many words an event has at least and at most; (1, 1) for those not named."""


def _checked(event: Event) -> Event:
    least, most = _COUNTS.get(event.verb, (1, 1))
    if not least <= len(event.words) <= most:
        raise event.item.wrong(f"{event.text!r} is no event", hint=f"such as: {event.example}")
    return event
