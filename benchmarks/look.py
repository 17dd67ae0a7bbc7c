"""A vCenter that is only looked at: every call of some minutes, and searches while it hangs.

`python -m benchmarks look [SECONDS]`: how long it is looked at, besides the two measurements.
"""

import json
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import httpx
from pyVmomi import vim

from anypool.cli import child
from anypool.cli.connection import open_http
from anypool.cli.contexts import Context
from anypool.cli.login import by_code
from anypool.drivers.vsphere.answers import LOOKS, REST_LOOKS
from anypool.lab.vcsim import VcsimSpec
from anypool.settings import Settings
from benchmarks.table import Rows, show
from tests.contract.between import Mood
from tests.contract.vcenter import PASSWORD, Center, all_of, done

HOSTS_EACH, VMS, CLUSTERS = 20, 800, 2
SECONDS = 60.0
MEASURED_S = 20.0
PAUSE_S = 0.05
ASKED = (
    "/vms?q=state+%3D+running",
    "/vms?q=memory+%3E+16MiB+and+host.name+~+C0_H1",
    "/hosts?q=state+%3D+up",
    "/vms?q=name+~+VM7",
)
LOOKED_AT = (
    *ASKED,
    "/pools/default/death-map",
    "/pools/default/capacity?vcpus=1&memory=64MiB&survive=1",
    *("/events", "/endpoints", "/datastores", "/networks", "/policies", "/plans"),
)


def run() -> None:
    """Look, measure searches as it is and while the vCenter hangs, and print the figures."""
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else SECONDS
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="look-")))
        spec = VcsimSpec(clusters=CLUSTERS, hosts=HOSTS_EACH, vms=VMS)
        center = Center(folder, spec)
        stack.callback(center.close)
        client = stack.enter_context(_manager(folder, center))
        usual = _searches(client)
        with center.between.being(Mood.HANGS):
            if not center.between.reached.wait(60):
                raise SystemExit("nobody asked the vCenter anything")
            hung = _searches(client)
        _wait_for_hosts(client)
        with center.person() as root:
            answered = _look(client, seconds, all_of(root, vim.VirtualMachine))
        calls = dict(center.between.calls)
    print(f"\n{sum(calls.values())} calls to the vCenter in all, after {answered} questions to us:")
    for name, count in sorted(calls.items(), key=lambda one: -one[1]):
        print(f"  {count:8} {name}")
    writers = sorted(name for name in calls if not _only_looks(name))
    rows: Rows = {"usual": {"search ms": usual}, "while it hangs": {"search ms": hung}}
    p95 = {"search_p95_ms": _p95(usual), "hanging_p95_ms": _p95(hung)}
    show(f"{CLUSTERS * HOSTS_EACH} hosts, {VMS} VMs", rows, {**p95, "writers": len(writers)})
    print(json.dumps({"median_ms": round(median(hung), 2), "writers": writers}))


@contextmanager
def _manager(folder: Path, center: Center) -> Iterator[httpx.Client]:
    """Start a manager that knows the vCenter, and give a client of it."""
    state = folder / "state"
    state.mkdir(mode=0o700)
    with child.manager(Settings(state_dir=str(state), listen_port=0)) as manager:
        code = manager.log.read_text().rpartition("/login#code=")[2].split()[0]
        with open_http(by_code(Context(url=manager.url), code)) as client:
            client.base_url, client.timeout = f"{manager.url}/api/v1", 30.0
            body = {"uri": center.uri, "name": "vc", "password": PASSWORD}
            client.post("/endpoints", json=body | {"options": center.options}).raise_for_status()
            yield client


def _searches(client: httpx.Client) -> list[float]:
    """Search for a while; return how long each answer took, in ms."""
    spent: list[float] = []
    until = time.monotonic() + MEASURED_S
    while time.monotonic() < until:
        begun = time.perf_counter()
        client.get(ASKED[len(spent) % len(ASKED)]).raise_for_status()
        spent.append((time.perf_counter() - begun) * 1000)
        time.sleep(PAUSE_S)
    return spent


def _look(client: httpx.Client, seconds: float, vms: list[Any]) -> int:
    """Do what people do who look around, while others work there; return how much was asked."""
    rng, answered, until = random.Random(1), 0, time.monotonic() + seconds
    while time.monotonic() < until:
        client.get(rng.choice(LOOKED_AT)).raise_for_status()
        answered += 1
        if answered % 5 == 0:
            vm = rng.choice(vms)
            runs = vm.runtime.powerState == "poweredOn"
            done(vm.PowerOffVM_Task() if runs else vm.PowerOnVM_Task())
        time.sleep(rng.uniform(0.5, 2.0))
    return answered


def _wait_for_hosts(client: httpx.Client) -> None:
    """Return once the manager hears of every host again."""
    query = "/hosts?q=state+%3D+up&limit=1"
    while client.get(query).raise_for_status().json()["total"] < CLUSTERS * HOSTS_EACH:
        time.sleep(PAUSE_S)


def _only_looks(call: str) -> bool:
    """Return whether a call, by SOAP or REST, is a question."""
    method, _, place = call.partition(" ")
    if place:
        return any(method == known and to.fullmatch(place) for known, to in REST_LOOKS)
    return call.partition(".")[2] in LOOKS


def _p95(spent: list[float]) -> float:
    return quantiles(spent, n=20)[-1]
