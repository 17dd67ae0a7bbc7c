"""Asking BMCs for the power of hosts.

That one is off is proven by two answers, so the first question is asked as soon as a host falls
silent, and the second as soon as it counts. Asking harms nobody; what the answers are worth is
decided elsewhere.
"""

from collections.abc import Callable, Iterable
from functools import partial

from anypool.engine.observing.vitals import Vitals
from anypool.engine.threads import UnderWay
from anypool.model import APART_S, Capability, HostId, Inventory, Proof
from anypool.planner.ha.detect import Word

Submit = Callable[[Callable[[], object]], None]

EARLY_S = 5.0
"""For so long a host that fell silent is asked for before it is known whether it is lost."""
_MARGIN_S = 0.01


class Asking:
    """Which hosts were asked for when; used by one thread at a time."""

    def __init__(self, vitals: Vitals) -> None:
        self._vitals = vitals
        self._asked: dict[HostId, float] = {}
        self._under_way = UnderWay()

    def forget(self) -> None:
        """Know of no question."""
        self._asked = {}
        self._under_way.forget()

    def asked_at(self, host: HostId) -> float:
        """Return when the power of a host was asked for last, 0 for never."""
        return max(self._vitals.power(host).asked_at, self._asked.get(host, 0.0))

    def ask(self, host: HostId, submit: Submit) -> None:
        """Have a host's power read, unless that was just begun or is not over.

        It is read at once where all other paths have fallen silent since it was off.
        """
        now = self._vitals.moments.now()
        again = self._vitals.off_too_early(host)
        if again or now - self._asked.get(host, 0.0) > APART_S:
            task = self._under_way.once(host, partial(self._vitals.read_power, host))
            if task is not None:
                self._asked[host] = now
                submit(task)

    def early(self, hosts: Iterable[HostId], now: float) -> list[HostId]:
        """Return the hosts to ask for that fell silent just now."""
        hushed = self._vitals.hushed()
        recent = [host for host in sorted(hosts) if now - hushed.get(host, 0.0) < EARLY_S]
        return [host for host in recent if self._vitals.proof(host) is None]

    def of_others(
        self,
        hosts: Iterable[HostId],
        inventory: Inventory,
        submit: Submit,
    ) -> list[Proof]:
        """Return what proves that silent hosts of no policy run nothing; ask the BMCs of others.

        They may have been given a VM; nobody switches them off for that.
        """
        found: list[Proof] = []
        for key in sorted(hosts):
            if (proof := self._vitals.proof(key)) is not None:
                found.append(proof)
            elif Capability.HOST_POWER in inventory.hosts[key].capabilities:
                self.ask(key, submit)
        return found

    def rest_s(self, most_s: float) -> float:
        """Return for how long to rest: until a second question counts, `most_s` at most."""
        now = self._vitals.moments.now()
        due = [most_s]
        for host in self._asked:
            read = self._vitals.power(host)
            left = read.told_at + APART_S + _MARGIN_S - now
            if read.word is Word.OFF and read.proof is None and left > -most_s:
                due.append(left)
        return max(_MARGIN_S, min(due))
