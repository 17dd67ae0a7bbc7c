"""How others do the ten tasks of `console_tasks`, counted from their documentation.

The shortest way that is described, from the start page, with what is preset left as it is. A
menu that opens is a click, a choice in a list is two. Pages and reservations are named in
docs/explanation/ten-tasks.md.
"""

from typing import NamedTuple


class Way(NamedTuple):
    """Clicks and keys."""

    clicks: int
    keys: int


PEERS: dict[str, dict[str, Way | None]] = {
    "Proxmox VE": {
        "find a VM": Way(2, 8),
        "create a VM": Way(6, 6),
        "move a VM": Way(6, 8),
        "empty a host": Way(6, 0),
        "open a console": Way(3, 8),
        "three snapshots": Way(15, 18),
        "a list as CSV": None,
        "keep two apart": Way(9, 0),
        "a host dies": None,
        "why was it moved": None,
    },
    "Xen Orchestra": {
        "find a VM": Way(2, 8),
        "create a VM": Way(8, 6),
        "move a VM": Way(6, 8),
        "empty a host": Way(5, 0),
        "open a console": Way(3, 8),
        "three snapshots": Way(6, 0),
        "a list as CSV": None,
        "keep two apart": Way(16, 20),
        "a host dies": None,
        "why was it moved": None,
    },
    "oVirt": {
        "find a VM": Way(3, 16),
        "create a VM": Way(11, 6),
        "move a VM": Way(5, 0),
        "empty a host": Way(6, 0),
        "open a console": Way(4, 0),
        "three snapshots": Way(20, 18),
        "a list as CSV": None,
        "keep two apart": Way(15, 9),
        "a host dies": None,
        "why was it moved": None,
    },
    "vCenter": {
        "find a VM": Way(2, 8),
        "create a VM": Way(10, 6),
        "move a VM": Way(11, 8),
        "empty a host": Way(4, 0),
        "open a console": Way(3, 8),
        "three snapshots": Way(15, 18),
        "a list as CSV": Way(12, 3),
        "keep two apart": Way(11, 9),
        "a host dies": None,
        "why was it moved": None,
    },
}
"""None: their documentation describes no way."""
