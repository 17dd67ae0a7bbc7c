"""The keys that secrets are encrypted with: look at their use, and take another one."""

from anypool.engine import Engine
from anypool.service.access import Deed, Principal, require
from anypool.store import Store, rotation
from anypool.store.rotation import KeyStatus, Rotated


class Keys:
    """The use cases of keys; no key and no secret is ever returned."""

    def __init__(self, engine: Engine, store: Store) -> None:
        self._engine = engine
        self._store = store

    def status(self, by: Principal) -> KeyStatus:
        """Return which keys seal how many secrets, by ids of the keys."""
        require(by, Deed.MANAGE_SECRETS)
        return rotation.status(self._store)

    def rotate(self, by: Principal) -> Rotated:
        """Seal every secret with a new key; errors as `anypool.store.rotation.rotate`."""
        require(by, Deed.MANAGE_SECRETS)
        self._engine.must_lead()
        return rotation.rotate(self._store, by.name)
