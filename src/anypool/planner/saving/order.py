"""What is wanted of a pool whose hosts may be switched off."""

from msgspec import Struct

from anypool.model import HostId, Usage, VmId
from anypool.model.energy import NO_TARIFF, Tariff, Watts

WITHIN_S = 1200.0
"""What a host has to come up."""


class Order(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which hosts may be closed, and what must be kept.

    A host is closed if the others then are at most `low_percent` busy, and one is woken when
    the open ones are above `high_percent`. `reserve` open hosts stay empty, `failures` of hosts
    are survived. Only hosts are closed that were seen to wake in the `proven_s` before `now`.
    Those in `keep` stay on; VMs in `left_alone` are not moved. Without `may_close` none is
    closed now; with `all_up` every host is woken too, one at a time. With `renew` an empty host
    that only the age of its proof keeps on is proven anew. `watts` is what hosts draw idle and
    busy, where somebody said so; `drawn` what those that are on draw now, in watts, where that
    is measured.
    """

    hosts: frozenset[HostId]
    name: str = ""
    usages: dict[VmId, Usage] = {}
    now: float = 0.0
    low_percent: float = 40.0
    high_percent: float = 75.0
    reserve: int = 0
    failures: int = 0
    proven_s: float = 30 * 86_400.0
    renew: bool = False
    may_close: bool = True
    all_up: bool = False
    keep: frozenset[HostId] = frozenset()
    left_alone: frozenset[VmId] = frozenset()
    watts: dict[HostId, Watts] = {}
    drawn: dict[HostId, float] = {}
    tariff: Tariff = NO_TARIFF
