"""What is on its way: the plans of all unfinished runs."""

from anypool.plan import Plan
from anypool.store import Store, plans, runs


class Underway:
    """A view on the journal."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def plans(self) -> tuple[Plan, ...]:
        """Return the plans that are being carried out now; empty ones for another release's."""
        with self._store.reading() as tx:
            return tuple(plans.readable(tx, run.plan).plan for run in runs.unfinished(tx))
