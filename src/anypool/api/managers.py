"""The route of managers."""

from litestar import get
from msgspec import Struct

from anypool.api.asking import By, Use
from anypool.service.managers import ManagerState


class ManagersView(Struct, frozen=True, kw_only=True):
    """All managers of this database, the one that has been at work longest first."""

    items: tuple[ManagerState, ...]
    total: int


@get("/managers", sync_to_thread=True)
def list_managers(by: By, services: Use) -> ManagersView:
    """List the managers that work on this database: who leads, and who stands by."""
    found = services.managers.all(by)
    return ManagersView(items=found, total=len(found))


ROUTES = (list_managers,)
