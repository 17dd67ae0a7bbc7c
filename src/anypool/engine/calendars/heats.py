"""How busy the hosts of calendars are, and since when: in memory, as the loads themselves."""

from anypool.clock import Clock
from anypool.engine.engine import Engine
from anypool.model.calendar import CalendarId, OnLoad
from anypool.planner.repurpose.load import Heat, busy_percent, heated
from anypool.search import Noun, parse

EVERY_S = 10.0


class Heats:
    """Asks the loads of hosts; what was before a restart is not known any more."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._known: dict[CalendarId, tuple[OnLoad, Heat]] = {}

    def look(self, key: CalendarId, rule: OnLoad) -> Heat:
        """Return how busy the hosts of a rule are now; raise `Invalid` for a bad query."""
        now, known = self._clock.now(), self._known.get(key)
        before = known[1] if known is not None and known[0] == rule else Heat()
        if before.at and now - before.at < EVERY_S:
            return before
        inventory, loads = self._engine.inventory, self._engine.loads()
        hosts = parse(rule.hosts, Noun.HOST).filter(inventory.hosts.values(), inventory)
        used = {one.id: loads[one.id].cpu_percent for one in hosts if one.id in loads}
        found = heated(rule, before, busy_percent(hosts, used), now)
        self._known[key] = (rule, found)
        return found

    def known(self, key: CalendarId) -> Heat:
        """Return what was seen last, a `Heat` that knows nothing if nobody looked."""
        known = self._known.get(key)
        return Heat() if known is None else known[1]
