"""The manager recognises the VM that it runs in, where that is one of its pool, and tags it.

A machine says who it is by the UUID of its firmware, which is the VM's, and which only root may
read; and by its machine-id, which systemd takes from that UUID on the first boot of most guests.
"""

import logging
from contextlib import suppress
from pathlib import Path
from uuid import UUID

from anypool.engine.engine import Engine
from anypool.errors import AnypoolError, Invalid
from anypool.model import MANAGER, Inventory, Vm
from anypool.store.records import VmFacts

log = logging.getLogger(__name__)

EVERY_S = 30.0
_FILES = (Path("/sys/class/dmi/id/product_uuid"), Path("/etc/machine-id"))


def who_we_are(told: str = "") -> frozenset[str]:
    """Return the UUIDs that this machine goes by, as far as they can be read; or what was told.

    Each is there in either byte order: some firmware writes the first half in the other one.
    """
    if told:
        return frozenset({str(UUID(told))})
    found: set[str] = set()
    for file in _FILES:
        with suppress(OSError, ValueError):
            ours = UUID(file.read_text(encoding="ascii").strip())
            found |= {str(ours), str(UUID(bytes=ours.bytes_le))}
    return frozenset(found)


class OwnVm:
    """Looks for it now and then while this manager leads; it may have been added just now."""

    def __init__(self, engine: Engine, told: str = "") -> None:
        """`told` is the id of the VM where somebody said so; raise `Invalid` for no UUID."""
        try:
            self._ours = who_we_are(told)
        except ValueError as error:
            hint = "the id that `anypool vm show` says, or leave it empty"
            raise Invalid("the setting manager_vm is no UUID", hint=hint) from error
        self._engine = engine
        self._known = False
        engine.policies.own = self.is_own
        engine.keeping.more.append(("own-vm", self.round))

    def is_own(self, vm: Vm) -> bool | None:
        """Say whether this manager runs in a VM; None where it was not recognised in any."""
        if self._is(vm):
            return True
        return False if self._known else None

    def round(self) -> float:
        """Tag the VM this runs in if it is known and not tagged; return when to look again."""
        if self._engine.leads:
            own = self.find(self._engine.inventory)
            self._known = own is not None
            if own is not None and MANAGER not in own.tags:
                self._tag(own)
        return EVERY_S

    def find(self, inventory: Inventory) -> Vm | None:
        """Return the VM that this manager runs in, None if it is none of the pool, or two are."""
        found = [vm for vm in inventory.vms.values() if self._is(vm)]
        return found[0] if len(found) == 1 else None

    def _is(self, vm: Vm) -> bool:
        return vm.id in self._ours

    def _tag(self, own: Vm) -> None:
        facts = VmFacts(vm=own.id, tags=own.tags | {MANAGER}, origin=own.origin)
        try:
            self._engine.set_vm_facts(facts, "anypool")
        except AnypoolError as error:
            log.warning("%s is not tagged as the manager's own: %s", own.name, error)
