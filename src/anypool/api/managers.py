"""The routes of managers."""

from litestar import get, post
from msgspec import Struct

from anypool.api.asking import By, Key, Use
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


@post("/managers/{key:str}/drain", status_code=200, sync_to_thread=True)
def drain_manager(by: By, services: Use, key: Key) -> ManagerState:
    """Let a manager leave the work to the others: one of them goes on with it in seconds."""
    return services.managers.drain(by, key)


@post("/managers/{key:str}/call-back", status_code=200, sync_to_thread=True)
def call_back_manager(by: By, services: Use, key: Key) -> ManagerState:
    """Let a manager that was drained work again."""
    return services.managers.call_back(by, key)


ROUTES = (list_managers, drain_manager, call_back_manager)
