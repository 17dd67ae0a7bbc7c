"""Who takes servers into a pool as hosts, and forgets them."""

from typing import Protocol

from anypool.errors import NotSupported
from anypool.plan import JoinHost, LeaveHost


class Members(Protocol):
    """Hosts that join by a profile, and leave."""

    def join(self, action: JoinHost) -> None:
        """Take a server into its pool; quiet if it is there. Raise from `anypool.errors`."""
        ...

    def leave(self, action: LeaveHost) -> None:
        """Forget a host; quiet if it is gone."""
        ...


class Nobody:
    """Stands for them where hosts are not kept."""

    def join(self, action: JoinHost) -> None:
        """Refuse."""
        raise NotSupported(f"{action.server} cannot join here")

    def leave(self, action: LeaveHost) -> None:
        """Refuse."""
        raise NotSupported(f"{action.server} cannot leave here")
