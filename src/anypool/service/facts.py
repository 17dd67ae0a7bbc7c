"""What is ours about things, changed one at a time so that nobody's change gets lost."""

import threading
from collections.abc import Callable
from typing import TypeVar

from anypool.engine import Engine
from anypool.model import Datastore, Host, Inventory, Locking, Vm
from anypool.service import find
from anypool.service.access import Principal
from anypool.service.version import require_version
from anypool.store import Store, facts
from anypool.store.records import DatastoreFacts, HostFacts, VmFacts

T = TypeVar("T", Host, Vm, Datastore)


class Facts:
    """Read, compare with what the caller has seen, and write, in one go."""

    def __init__(self, engine: Engine, store: Store) -> None:
        self._engine = engine
        self._store = store
        self._changing = threading.Lock()

    def tag_vm(self, by: Principal, key: str, tags: frozenset[str], expected: str | None) -> Vm:
        """Replace the tags of a VM."""

        def write(vm: Vm) -> None:
            kept = VmFacts(vm=vm.id, tags=tags, origin=vm.origin)
            self._engine.set_vm_facts(kept, by.name)

        return self._change(find.vm, key, expected, write)

    def change_host(
        self,
        by: Principal,
        key: str,
        *,
        tags: frozenset[str] | None,
        reserved_mib: int | None,
        expected: str | None,
    ) -> Host:
        """Replace the tags or the reserved memory of a host."""

        def write(host: Host) -> None:
            with self._store.reading() as tx:
                kept = facts.hosts.get(tx, host.id)
            changed = HostFacts(
                host=host.id,
                maintenance=kept is not None and kept.maintenance,
                reserved_mib=host.reserved_mib if reserved_mib is None else reserved_mib,
                tags=host.tags if tags is None else tags,
                name="" if kept is None else kept.name,
                power_saved=host.power_saved,
                wake_proven_at=host.wake_proven_at,
            )
            self._engine.set_host_facts(changed, by.name)

        return self._change(find.host, key, expected, write)

    def change_datastore(
        self,
        by: Principal,
        key: str,
        *,
        tags: frozenset[str] | None,
        locking: Locking | None,
        expected: str | None,
    ) -> Datastore:
        """Replace the tags of a datastore, or the statement about its locks."""

        def write(datastore: Datastore) -> None:
            changed = DatastoreFacts(
                datastore=datastore.id,
                locking=datastore.locking if locking is None else locking,
                tags=datastore.tags if tags is None else tags,
            )
            self._engine.set_datastore_facts(changed, by.name)

        return self._change(find.datastore, key, expected, write)

    def _change(
        self,
        search: Callable[[Inventory, str], T],
        key: str,
        expected: str | None,
        write: Callable[[T], None],
    ) -> T:
        with self._changing:
            record = search(self._engine.inventory, key)
            require_version(record, expected)
            write(record)
            return search(self._engine.inventory, record.id)
