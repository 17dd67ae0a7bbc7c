"""A manager that books room is killed at any moment: what it had answered is there, and no more.

The judge reads the database with `sqlite3` and counts by itself; the trail must hold.
"""

import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

from anypool.clock import SystemClock
from anypool.store import Store, audit

HOSTS, HOST_MIB, SIZE_MIB = 4, 1 << 20, 1024

MANAGER = f"""
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from anypool.clock import SystemClock
from anypool.drivers.sim import Shape, SimDriver, build_world
from anypool.engine import Engine
from anypool.engine.threads import ThreadCrew
from anypool.model import Endpoint, EndpointHealth, EndpointId, Vm, VmId
from anypool.settings import Settings
from anypool.store import Store

class Drivers:
    made = SimDriver(build_world(Shape(hosts={HOSTS}, vms=0, host_mib={HOST_MIB})))
    def driver(self, endpoint, secret=""): return self.made
    def health(self, key): return EndpointHealth(id=key)
    def forget(self, key): pass

folder = sys.argv[1]
store = Store.open(f"sqlite:///{{folder}}/anypool.db", clock=SystemClock())
engine = Engine(store, Drivers(), SystemClock(), Settings(state_dir=folder, lease_s=60.0))
engine.begin(ThreadCrew(2))
engine.add_endpoint(Endpoint(id=EndpointId("sim"), driver="sim", uri="sim://dc"), "", "ada")
print("ready", flush=True)

def book(number):
    vm = Vm(id=VmId(f"v{{number}}"), name=f"v{{number}}", host=None, memory_mib={SIZE_MIB})
    made = engine.bookings.make(vm, "ada", 3600)
    os.write(1, made.id.encode() + b"\\n")

with ThreadPoolExecutor(8) as clients:
    list(clients.map(book, range({HOSTS * HOST_MIB // SIZE_MIB})))
"""


def test_it_is_booked_or_it_is_not(tmp_path: Path) -> None:
    for number in range(2):
        folder = tmp_path / str(number)
        folder.mkdir()
        answered = _killed(folder, random.Random(number).uniform(0.05, 0.4))
        with sqlite3.connect(folder / "anypool.db") as database:
            stored = dict(database.execute("select id, host from bookings").fetchall())
            held = database.execute("select sum(memory_mib) from bookings group by host").fetchall()
            query = "select object_id from audit where deed = 'booking.made'"
            audited = [key for (key,) in database.execute(query)]
        assert answered
        assert set(answered) <= stored.keys()
        assert all(held_mib <= HOST_MIB for (held_mib,) in held)
        assert sorted(audited) == sorted(stored)
        store = Store.open(f"sqlite:///{folder}/anypool.db", clock=SystemClock())
        with store.reading() as tx:
            assert audit.verify(tx).sound
        store.close()


def _killed(folder: Path, after_s: float) -> list[str]:
    """Kill a manager some time after it begins to book; return what it had answered by then."""
    argv = [sys.executable, "-c", MANAGER, str(folder)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        first = process.stdout.readline()
        time.sleep(after_s)  # the moment of the kill: nothing is waited for
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.read()
    return [line for line in (first + rest).split("\n")[:-1] if line]
