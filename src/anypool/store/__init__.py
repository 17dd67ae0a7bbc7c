"""What must survive a restart: plans, the journal of runs, facts of ours, people, events.

`Store` opens the database and gives transactions; the modules beside it (`plans`,
`runs`, `facts`, `observed`, `events`, `people`, `tokens`, `sessions`, `secrets`,
`idempotency`, `audit`, `loads`, `inventories`, `retention`, `restoration`) are functions that
take one, so that what belongs together is written in one transaction:

    with store.writing() as tx:
        runs.put_step(tx, step)
        events.append(tx, event)
"""

from anypool.store import calendar_tables as calendar_tables
from anypool.store import certificate_tables as certificate_tables
from anypool.store import compat_tables as compat_tables
from anypool.store import ha_tables as ha_tables
from anypool.store import kept_tables as kept_tables
from anypool.store import notify_tables as notify_tables
from anypool.store import peer_tables as peer_tables
from anypool.store import restored_tables as restored_tables
from anypool.store.store import Store
from anypool.store.tx import Told, Tx

__all__ = ["Store", "Told", "Tx"]
