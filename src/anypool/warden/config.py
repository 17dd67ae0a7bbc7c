"""What a warden is told, and what it tells the hook beside it."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from anypool.warden.record import Incarnation, Lease
from anypool.warden.watching import Sighting

CONFIG = "/etc/anypool-warden.json"
STATE = "/run/anypool-warden/state.json"
NEVER = -1e9
"""When a lease was renewed that is not held."""


class Misconfigured(Exception):
    """The configuration is not there or makes no sense."""


@dataclass(frozen=True)
class Config:
    """What `install` writes: `host` is anypool's id of this host, `datastores` folders by id.

    `boot_file` names a file that lives for one boot, where the kernel's own boot id does not
    tell boots apart.
    """

    host: str
    datastores: dict[str, str]
    name: str = ""
    renew_s: float = 2.0
    limit_s: float = 20.0
    watchdog: str = "/dev/watchdog"
    watchdog_s: int = 10
    stand_in: str = ""
    boot_file: str = ""

    @staticmethod
    def read(path: str = CONFIG) -> Config:
        """Read it; raise `Misconfigured`."""
        try:
            with open(path) as file:
                raw = json.load(file)
            known = {one.name for one in fields(Config)}
            made = Config(**{name: value for name, value in raw.items() if name in known})
        except (OSError, ValueError, TypeError, AttributeError) as problem:
            raise Misconfigured(f"{path}: {problem}") from problem
        made.check()
        return made

    def check(self) -> None:
        """Raise `Misconfigured` for lengths of time that cannot hold."""
        if not self.host or not self.datastores:
            raise Misconfigured("a warden needs the id of its host and a datastore")
        if not 0 < self.renew_s <= self.limit_s / 4:
            raise Misconfigured("limit_s is to be four times renew_s, or more")
        if not 2 <= self.watchdog_s <= self.limit_s:
            raise Misconfigured("watchdog_s is to be between 2 and limit_s")


@dataclass(frozen=True)
class Told:
    """How one datastore stands: this host's life, its last renewal, what is seen of others."""

    folder: str
    me: Incarnation
    renewed_at: float
    limit_s: float
    seen: tuple[Sighting, ...] = field(default=())
    problem: str = ""

    def fresh(self, now: float) -> bool:
        """Whether this host's lease is renewed, with time to spare."""
        return now - self.renewed_at < self.limit_s * 0.75


def write_state(told: tuple[Told, ...], armed: dict[str, Any], path: str = STATE) -> None:
    """Let the hook know; whole or not at all."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    arriving = f"{path}.arriving"
    with open(arriving, "w") as file:
        json.dump({"watchdog": armed, "datastores": [asdict(one) for one in told]}, file)
    os.replace(arriving, path)


def read_state(path: str = STATE) -> tuple[tuple[Told, ...], dict[str, Any]]:
    """Return what the warden last said; raise `Misconfigured` where none ran since the boot."""
    try:
        with open(path) as file:
            raw = json.load(file)
        return tuple(_told(one) for one in raw["datastores"]), dict(raw["watchdog"])
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise Misconfigured(f"no warden has run here since the boot ({problem})") from problem


def _told(raw: dict[str, Any]) -> Told:
    seen = tuple(Sighting(Lease(**one.pop("lease")), **one) for one in raw.pop("seen"))
    return Told(me=Incarnation(**raw.pop("me")), seen=seen, **raw)
