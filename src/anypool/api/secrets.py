"""The routes of the keys that secrets are encrypted with."""

from litestar import get, post
from msgspec import Struct

from anypool.api.asking import By, Use
from anypool.store.rotation import Rotated


class KeyView(Struct, frozen=True, kw_only=True):
    """A key by its id: whether the file has it and seals new secrets with it, and its use."""

    id: str
    present: bool
    seals_new: bool
    secrets: int


class KeysView(Struct, frozen=True, kw_only=True):
    """The file of keys, and each key; `unreadable` is how many secrets nobody can open.

    A `credential` was handed over by systemd, and can only be replaced there.
    """

    file: str
    credential: bool
    keys: tuple[KeyView, ...]
    unreadable: int


@get("/secrets/keys", sync_to_thread=True)
def list_keys(services: Use, by: By) -> KeysView:
    """Say which keys encrypt how many secrets; neither keys nor secrets are shown."""
    found = services.keys.status(by)
    return KeysView(
        file=found.file,
        credential=found.credential,
        keys=tuple(
            KeyView(id=one.id, present=one.present, seals_new=one.seals_new, secrets=one.secrets)
            for one in found.keys
        ),
        unreadable=found.unreadable,
    )


@post("/secrets/rotate", status_code=200, sync_to_thread=True)
def rotate_keys(services: Use, by: By) -> Rotated:
    """Encrypt every secret with a new key, and drop the old ones."""
    return services.keys.rotate(by)


ROUTES = (list_keys, rotate_keys)
