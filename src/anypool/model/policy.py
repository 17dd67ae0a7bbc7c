"""A policy: a standing wish about VMs and hosts, and the closed set of rules it can hold.

`Policy.scope` is a query of the search grammar, so a rule follows its VMs by name, tag or
place, also those that come later. A `Bound` rule is a policy on one inventory: the query's
answer, as sets of ids. Planners and the checker see bound rules only.

A failure domain is a kind of place (`chassis`, `rack`, `power`, `site`) that hosts name by
tags such as `rack:r7`; the kind `host` is each host itself. A host without a tag of a kind
is a domain of its own, because nothing is known to die with it.
"""

from enum import StrEnum
from typing import TypeAlias

from msgspec import Struct

from anypool.model.ids import HostId, PolicyId, VmId

HOST_DOMAIN = "host"
FAILURE_KINDS = ("chassis", "rack", "power", "site")
"""Kinds of domain whose failure is always foreseen."""


class Strength(StrEnum):
    """`MUST` is never broken by us; `SHOULD` is weighed, and reported where it is not met."""

    MUST = "must"
    SHOULD = "should"


class Level(StrEnum):
    """How much happens by itself.

    Nothing; plans that are only recorded; plans that people run; plans that run once a
    person approved them; plans that run.
    """

    DISABLED = "disabled"
    SHADOW = "shadow"
    MANUAL = "manual"
    PARTIAL = "partial"
    AUTOMATIC = "automatic"


class Priority(StrEnum):
    """When a VM restarts after a failure: the highest first, and a `DISABLED` one never."""

    HIGHEST = "highest"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    LOWEST = "lowest"
    DISABLED = "disabled"


class Of(Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True, tag_field="kind"):
    """What all rules are: frozen, told apart by `kind`, and without a word nobody knows."""


class Together(Of, frozen=True, tag="together"):
    """All VMs run in one domain of a kind."""

    domain: str = HOST_DOMAIN


class Apart(Of, frozen=True, tag="apart"):
    """No two of the VMs run in one domain of a kind."""

    domain: str = HOST_DOMAIN


class Exclusive(Of, frozen=True, tag="exclusive"):
    """VMs that share a tag which begins with `prefix` run on different hosts."""

    prefix: str


class Spread(Of, frozen=True, tag="spread"):
    """The VMs that run are in at least `minimum` domains of a kind, or each in its own."""

    domain: str
    minimum: int


class OnHosts(Of, frozen=True, tag="on-hosts"):
    """The VMs run on hosts that match the query `hosts`; with `avoid` on no such host."""

    hosts: str
    avoid: bool = False


class Licence(Of, frozen=True, tag="licence"):
    """The VMs run on licensed hosts only, which are those that match `hosts`.

    `sockets` is how many processor sockets are paid for, 0 for any number: hosts that run
    one of the VMs count with all of theirs. With `pack` hosts that count already are preferred,
    where the number is limited.
    """

    hosts: str
    sockets: int = 0
    pack: bool = True


class NoMigration(Of, frozen=True, tag="no-migration"):
    """The VMs do not migrate live from hosts that match `source` to those that match `target`."""

    source: str
    target: str


class MaxVms(Of, frozen=True, tag="max-vms"):
    """Each host in the scope runs at most `maximum` VMs."""

    maximum: int


class Headroom(Of, frozen=True, tag="headroom"):
    """Each host in the scope keeps `memory_percent` of its memory free.

    Its VMs have at most `vcpus_percent` virtual CPUs for a hundred real ones; 0 is no limit.
    """

    memory_percent: int = 0
    vcpus_percent: int = 0


class Pinned(Of, frozen=True, tag="pinned"):
    """The VMs are not moved, neither by us nor by a person, until the policy is lifted."""


class Protected(Of, frozen=True, tag="protected"):
    """The VMs are neither deleted nor stopped until the policy is lifted."""


class Automation(Of, frozen=True, tag="automation"):
    """What automation may do with the VMs, whatever a policy of their pool says."""

    level: Level


class Restart(Of, frozen=True, tag="restart"):
    """The VMs restart with that priority after a failure; others with `medium`.

    Of several for one VM `disabled` counts most, then the highest.
    """

    priority: Priority


class Balance(Of, frozen=True, tag="balance"):
    """The loads of the hosts in the scope are kept alike by plans; `level` says who runs them.

    A plan is made when the imbalance (`planner.rebalance.Uneven`) was above
    `threshold_percent` for `hold_s`, if moves take at least `margin_percent` of it away, and
    `cool_down_s` after the last plan came to its end. `window` is when it may begin by
    itself (`model.window`, empty for always); `at_once` moves of it go on at one time.
    The usage of VMs is that of the last `lookback_s`; the other four are weights of loads.
    """

    level: Level = Level.MANUAL
    threshold_percent: float = 5.0
    hold_s: int = 300
    margin_percent: float = 10.0
    cool_down_s: int = 1800
    at_once: int = 2
    window: str = ""
    lookback_s: int = 3600
    memory: int = 100
    cpu: int = 100
    network: int = 25
    disk: int = 25


class PowerSaving(Of, frozen=True, tag="power"):
    """Hosts in the scope that are not needed are switched off, and woken before they are.

    One is closed if for `hold_s` the others would have been at most `low_percent` busy, and
    `cool_down_s` after the last plan ended; one is woken at once when the open ones are above
    `high_percent`, fewer than `reserve` are empty, or a failover policy does not hold. Only
    hosts seen to wake in the last `proven_days` are closed, none that matches the query `keep`,
    and only within `window` (`model.window`, empty for always). Within `up` all are woken.
    With `renew` an empty host that was seen to wake before then is proven anew.
    """

    level: Level = Level.MANUAL
    low_percent: float = 40.0
    high_percent: float = 75.0
    hold_s: int = 900
    cool_down_s: int = 1800
    reserve: int = 0
    proven_days: int = 30
    renew: bool = True
    keep: str = ""
    window: str = ""
    up: str = ""


class Replenish(Of, frozen=True, tag="replenish"):
    """A spare server becomes a host of the pool for one that is dead, or while all are busy.

    One that is proven dead is replaced `after_s` later. The hosts are overloaded once they were
    together more than `high_percent` busy for `hold_s` (0 never): no move among them helps then.
    A spare becomes a host by a free profile that boots a hypervisor and matches the query
    `profiles`. It is proposed to be given back when the host that it stands for is back, and the
    others would be at most `low_percent` busy without it. At most `most_a_day` plans begin in a
    day, each `cool_down_s` after the last one ended; none in the first `cold_s` of a manager and
    none while more than `dark_percent` of the hosts, and more than one, are silent.
    """

    level: Level = Level.MANUAL
    after_s: int = 300
    high_percent: float = 85.0
    low_percent: float = 50.0
    hold_s: int = 900
    cool_down_s: int = 1800
    most_a_day: int = 2
    cold_s: float = 300.0
    dark_percent: float = 50.0
    profiles: str = ""
    window: str = ""


class HighAvailability(Of, frozen=True, tag="ha"):
    """What ran on hosts in the scope runs again elsewhere once they are proven dead.

    A host that showed no life for `silent_s` is asked for its power every `power_every_s`, and
    with `fence` switched off if it is on. Switched off are at most `fences_percent` of the
    hosts (one at least) within `fences_within_s`, none in the first `cold_s` of a manager that
    knows nothing older, none while more than `dark_percent` of the hosts are silent. VMs that
    match the query `best_effort` are tried once, others until they run; VMs of lower priority
    wait up to `turn_s` for those above.

    A VM that fails by itself is started where it was `in_place` times, then elsewhere, `tries`
    times in all (0 without end) until it has run for ten minutes. Where a host has no sight of a
    datastore that others see for `store_lost_s` (0 never), its VMs are stopped there and start
    elsewhere. A guest that answered its probe and does no more for `guest_silent_s` (0 never) is
    reset, `guest_resets` times in an hour.

    The agents of VMs that match the query `agent_vms` ("" for all) are asked as well, unless
    `agent_silent_s` is 0. One that answered since its VM runs and is silent for so long, while the
    VM has read, written and sent nothing for `agent_quiet_s`, counts as a guest that hangs.
    """

    level: Level = Level.MANUAL
    silent_s: float = 30.0
    power_every_s: float = 10.0
    fence: bool = True
    fences_percent: float = 10.0
    fences_within_s: float = 600.0
    cold_s: float = 300.0
    dark_percent: float = 50.0
    best_effort: str = ""
    turn_s: float = 300.0
    in_place: int = 3
    tries: int = 10
    store_lost_s: float = 140.0
    guest_silent_s: float = 0.0
    guest_resets: int = 3
    agent_silent_s: float = 0.0
    agent_vms: str = ""
    agent_quiet_s: float = 120.0


class Failover(Of, frozen=True, tag="failover"):
    """The hosts of the scope survive `failures` failures, one after the other.

    A plan that takes room is refused if less would be survived than before.
    """

    failures: int


Rule: TypeAlias = (
    Together
    | Apart
    | Exclusive
    | Spread
    | OnHosts
    | Licence
    | NoMigration
    | MaxVms
    | Headroom
    | Pinned
    | Protected
    | Automation
    | Restart
    | Balance
    | PowerSaving
    | Replenish
    | HighAvailability
    | Failover
)

OF_HOSTS = (MaxVms, Headroom)
"""Rules about what each host of the scope takes."""
OF_OTHERS = (Apart, Exclusive, Licence, Spread, Together)
"""Rules by which the place of one VM depends on that of others."""
HOST_SCOPED = (*OF_HOSTS, Balance, PowerSaving, Replenish, HighAvailability, Failover)
"""Rules whose scope is a query for hosts; all others ask for VMs."""
WATCHED = (Balance, PowerSaving, Replenish)
"""Rules that yield plans."""
ALWAYS_MUST = (
    Licence,
    NoMigration,
    Pinned,
    Protected,
    Automation,
    Restart,
    Balance,
    PowerSaving,
    Replenish,
    HighAvailability,
)
"""Rules that make no sense as a mere preference."""


class Policy(Struct, frozen=True, kw_only=True, gc=False):
    """A rule with the query that says whom it binds; `id` is its name."""

    id: PolicyId
    scope: str
    rule: Rule
    strength: Strength = Strength.MUST
    enabled: bool = True
    description: str = ""


class Bound(Struct, frozen=True, kw_only=True, gc=False):
    """A policy on one inventory: who matches its queries now.

    `hosts` are those of `OnHosts`, `Licence`, `MaxVms`, `Headroom`, `Balance` and the sources
    of `NoMigration`; `targets` only those of `NoMigration`.
    """

    policy: PolicyId
    rule: Rule
    strength: Strength = Strength.MUST
    vms: frozenset[VmId] = frozenset()
    hosts: frozenset[HostId] = frozenset()
    targets: frozenset[HostId] = frozenset()


def domains_of(kind: str, host: HostId, tags: frozenset[str]) -> frozenset[str]:
    """Return the domains of a kind that a host is in, each by its name; never empty."""
    if kind == HOST_DOMAIN:
        return frozenset({host})
    mark = f"{kind}:"
    named = frozenset(tag for tag in tags if tag.startswith(mark))
    return named or frozenset({f"{mark}only-{host}"})
