"""What people said of dead hosts, in the records."""

from collections.abc import Callable

from anypool.model import Stated
from anypool.store import Store, ha


class Statements:
    """Reads the statements that stand, and voids those that a sign of life refutes."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def both(self) -> tuple[Callable[[], tuple[Stated, ...]], Callable[[Stated], None]]:
        """Return how to read them, and how to void one."""
        return self.standing, self.refute

    def standing(self) -> tuple[Stated, ...]:
        """Return those that stand."""
        with self._store.reading() as tx:
            return ha.standing(tx)

    def refute(self, said: Stated) -> None:
        """Void what was said of a host, in the records before anybody uses the sign of life."""
        with self._store.writing() as tx:
            ha.refute(tx, said.host)
