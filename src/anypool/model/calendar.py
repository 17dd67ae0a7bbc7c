"""A calendar: what a group of servers is for in which span of the week."""

from typing import NewType

from msgspec import Struct

from anypool.model.ids import HostId, ProfileId, ServerId, ServiceId, VmId
from anypool.model.policy import Level

CalendarId = NewType("CalendarId", str)
"""A calendar's id is its name."""


class Purpose(Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """What servers are for: the profiles they bear, and the services that run meanwhile.

    Of `profiles` the first is the most important, where servers are short. With `hosts` a server
    that bears none of them is a hypervisor again, if it was one.
    """

    name: str
    profiles: tuple[ProfileId, ...] = ()
    services: tuple[ServiceId, ...] = ()
    hosts: bool = False


class Span(Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """When a purpose is wanted in each week: a text of `model.weekspan`, on the calendar's wall."""

    purpose: str
    when: str


class OneOff(Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """An exception: a purpose ("" for leaving all as it is) on a date, whatever the week says."""

    purpose: str
    when: str
    words: str = ""


class Hold(Struct, frozen=True, kw_only=True, gc=False):
    """A person holds the calendar: a purpose, or "" for all as it is, from `since` to `until`.

    `restored` is the day of the backup whose restore holds it instead, "" if none does.
    """

    until: float
    since: float
    purpose: str = ""
    by: str = ""
    words: str = ""
    restored: str = ""


class OnLoad(Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """More servers while hosts are busy: the `profiles` come one after the other.

    One comes when the CPUs of the hosts that match the query `hosts` were above `above_percent`
    for `above_s`, and goes when they were below `below_percent` for `below_s`. Where no server is
    free, the profiles in `yields` give theirs up, the first first. Between two changes lie at
    least `rest_s`, and in a day there are at most `most_a_day`. `during` names the purposes in
    which all this holds, () for all.
    """

    hosts: str
    profiles: tuple[ProfileId, ...]
    yields: tuple[ProfileId, ...] = ()
    above_percent: float = 75.0
    above_s: float = 600.0
    below_percent: float = 40.0
    below_s: float = 1800.0
    rest_s: float = 1800.0
    most_a_day: int = 4
    during: tuple[str, ...] = ()


class Calendar(Struct, frozen=True, kw_only=True, gc=False):
    """Which purpose servers have when; see `planner.repurpose`.

    `servers` is a query: those that match are repurposed, and no other. `zone` is a name of the
    time zone database, whose wall clock all texts are about. Outside of all spans the purpose is
    `otherwise`, "" for leaving all as it is. `level` is how much happens by itself. With `waive`
    less may survive a failure than before. `changed_at` is when somebody last changed it: no
    change is made up for that was due before.
    """

    id: CalendarId
    servers: str
    zone: str
    purposes: tuple[Purpose, ...]
    spans: tuple[Span, ...] = ()
    otherwise: str = ""
    exceptions: tuple[OneOff, ...] = ()
    on_load: OnLoad | None = None
    level: Level = Level.MANUAL
    enabled: bool = True
    waive: bool = False
    description: str = ""
    hold: Hold | None = None
    changed_at: float = 0.0

    def purpose(self, name: str) -> Purpose | None:
        """Return the purpose of a name, None if there is none."""
        return next((one for one in self.purposes if one.name == name), None)

    @property
    def profiles(self) -> tuple[ProfileId, ...]:
        """All profiles that it brings and takes, each once."""
        found = [key for one in self.purposes for key in one.profiles]
        found += self.on_load.profiles if self.on_load is not None else ()
        return tuple(dict.fromkeys(found))

    @property
    def services(self) -> tuple[ServiceId, ...]:
        """All services that it starts and stops, each once."""
        return tuple(dict.fromkeys(key for one in self.purposes for key in one.services))


class Memory(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is remembered from one change to the next.

    `homes` is the server that each profile was on last, `closed` the hypervisors that were emptied
    for a profile, `away` the VMs that left them, each with its home. `opens` are the profiles as
    which a server is a hypervisor.
    """

    homes: dict[ProfileId, ServerId] = {}
    closed: frozenset[HostId] = frozenset()
    away: tuple[tuple[VmId, HostId], ...] = ()
    opens: frozenset[ProfileId] = frozenset()
