"""The pool as one file, to plan with elsewhere."""

from msgspec.structs import replace

from anypool.clock import Clock
from anypool.engine import Engine, Span
from anypool.exchange.poolfile import Loads, PoolFile, pool_file
from anypool.service import find
from anypool.service.access import Deed, Principal, require

LONGEST_LOADS_S = 366 * 86_400


class Exports:
    """The use case of an export."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    def pool(self, by: Principal, pools: tuple[str, ...], loads_s: int) -> PoolFile:
        """Return everything planners need of some pools, or of all if none are named.

        With it come the loads of the last `loads_s` seconds, none for 0; to gather them
        takes some milliseconds for each host and VM. Raise `NotFound` for a pool.
        """
        require(by, Deed.READ)
        engine = self._engine
        every = engine.pools.all()
        known = tuple(one.pool for one in every)
        for name in pools:
            find.pool(every, name)
        file = pool_file(
            engine.inventory,
            pools=known,
            policies=engine.policies.all(),
            services=engine.services.all(),
            only=frozenset(pools),
        )
        return replace(file, loads_s=loads_s, loads=self._loads(file, loads_s)) if loads_s else file

    def _loads(self, file: PoolFile, loads_s: int) -> Loads:
        now = self._clock.now()
        span = Span(now - loads_s, now)
        found: Loads = {}
        for key in (*(host.id for host in file.hosts), *(vm.id for vm in file.vms)):
            columns = self._engine.keeping.history.series(key, (), span).columns
            measured = {name: one.whole for name, one in columns.items() if one.whole.count}
            if measured:
                found[key] = measured
        return found
