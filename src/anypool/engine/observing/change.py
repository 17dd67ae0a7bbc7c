"""What a change of the picture means to others."""

from msgspec import Struct
from msgspec.structs import replace

from anypool.engine.observing.board import Notice
from anypool.model import Vm


class Delta(Struct, frozen=True, gc=False):
    """Notices, VMs that are gone, and new twins."""

    notices: frozenset[Notice] = frozenset()
    vanished: tuple[Vm, ...] = ()
    twinned: tuple[Vm, ...] = ()

    def also(self, notices: set[Notice]) -> "Delta":
        """Return the change with more notices."""
        return replace(self, notices=self.notices | notices)
