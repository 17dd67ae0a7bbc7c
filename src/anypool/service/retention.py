"""How long records are kept, and what there is of them."""

from anypool.engine import Engine, Standing
from anypool.service.access import Deed, Principal, require


class Retention:
    """Look at what is kept, and thin it out now."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def show(self, by: Principal) -> tuple[Standing, ...]:
        """Return every kind of record with its rule, its amount and its last round."""
        require(by, Deed.READ)
        return self._engine.keeping.retention.standing()

    def run(self, by: Principal, kinds: tuple[str, ...]) -> dict[str, int]:
        """Forget what is older than its rule; return how many rows of each kind went.

        Raise `Denied`, `Invalid` for an unknown kind, `Busy` while it is being done.
        """
        require(by, Deed.MANAGE_RECORDS)
        self._engine.must_lead()
        return self._engine.keeping.retention.run(kinds)
