"""Nothing changes records or hosts beside the places that look at the epoch first."""

import ast
from collections.abc import Iterator

from tests.tidy.project import modules, shown, tree

WRITERS = {"connect.py", "store.py", "move.py", "restore.py"}
"""Of the store: what begins a transaction that may write."""
SHARED = {
    *("once.py", "logins.py", "people.py", "audit.py", "bundle.py", "lease.py"),
    *("managers.py", "store.py"),
}
"""What managers write that do not lead: logins, answered requests, refusals, who is there."""
CHANGES = (
    *("createWithFlags", "createXML", "destroy", "define", "undefine", "shutdownFlags", "reboot"),
    *("reset", "suspend", "resume", "pMWakeup", "rename", "attachDevice", "detachDevice"),
    *("updateDevice", "setVcpus", "setMemory", "setScheduler", "setBlkio", "setMetadata"),
    *("migrateToURI", "abortJob", "revert", "snapshotCreate", "blockCopy", "blockJobAbort"),
)
"""The starts of libvirt's functions that change a VM."""
INSIDE = {
    "begin": "Transfer.begin is called by `begin_migration`, which does",
    "_run": "the thread that `begin` starts",
    "_mind": "it raises the pause of a migration that was begun",
    "_plug_vcpus": "a part of reconfiguring",
    "_balloon": "a part of reconfiguring",
    "_tune_live": "a part of reconfiguring",
    "_detach": "a part of detaching",
    "claim": "the token itself",
    "erase": "the token itself",
}
"""Functions of the libvirt driver that change something inside another one's `doing`."""


def test_only_the_store_begins_transactions_that_write() -> None:
    found = {
        shown(path)
        for path in modules()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "connect.writing"
    }
    assert {name.rpartition("/")[2] for name in found} <= WRITERS, found


def test_what_does_not_need_the_lease_is_written_in_few_places() -> None:
    found = {
        shown(path)
        for path in modules()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func).endswith(".writing")
        and any(word.arg == "shared" for word in node.keywords)
    }
    assert {name.rpartition("/")[2] for name in found} <= SHARED, found


def changes(node: ast.AST, function: str = "", asked: bool = False) -> Iterator[tuple[str, str]]:
    """Yield the function and the call of each change that is outside a `doing` block."""
    if isinstance(node, ast.FunctionDef):
        function = node.name
    if isinstance(node, ast.With):
        asked |= any(".doing(" in ast.unparse(item.context_expr) for item in node.items)
    called = node.func.attr if isinstance(node, ast.Call) and isinstance(
        node.func, ast.Attribute
    ) else ""  # fmt: skip
    if called.startswith(CHANGES) and not asked:
        yield function, called
    for child in ast.iter_child_nodes(node):
        yield from changes(child, function, asked)


def test_each_change_of_a_vm_asks_for_the_epoch_first() -> None:
    found = [
        f"{shown(path)} {function}: {called}"
        for path in modules()
        if path.parent.name == "libvirt"
        for function, called in changes(tree(path))
        if function not in INSIDE
    ]
    assert found == []
