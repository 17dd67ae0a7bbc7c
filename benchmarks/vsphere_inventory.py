"""A vCenter of 4 clusters, 100 hosts and 2,000 VMs: the first reading, and changes beside us.

The peer is a plain loop of pyVmomi that reads the same properties of the same objects, by the
same property collector. Both log in themselves; rounds alternate.
"""

import json
import ssl
import threading
import time
from statistics import median
from typing import Any

from pyVmomi import SoapStubAdapter, vim, vmodl

from anypool.clock import SystemClock
from anypool.drivers.registry import connect
from anypool.drivers.remote import WorkerPool
from anypool.drivers.vsphere import properties
from anypool.lab import vcsim
from anypool.model import Endpoint, EndpointId, VmState

SIZE = vcsim.VcsimSpec(clusters=4, hosts=25, vms=2000)
ROUNDS = 5
CHANGES = 10
BARS = {"ratio": 1.2, "full_s": 5.0, "change_s": 2.0}


def run() -> None:
    """Measure, and print a table and a line of JSON."""
    print(f"starting a vCenter of {SIZE.clusters * SIZE.hosts} hosts and {SIZE.vms} VMs")
    running = vcsim.start(SIZE, print)
    try:
        figures = measure(running)
    finally:
        running.stop()
    for name, value in figures.items():
        bar = f"  (at most {BARS[name]:g})" if name in BARS else ""
        print(f"{name:24}{value:8.2f}{bar}")
    print(json.dumps({name: round(value, 3) for name, value in figures.items()}), flush=True)


def measure(running: vcsim.Vcsim) -> dict[str, float]:
    """Return the figures of one vCenter."""
    ours: list[tuple[float, float]] = []
    theirs: list[tuple[float, float]] = []
    plain_loop(running)
    for _ in range(ROUNDS):
        theirs.append(timed(lambda: plain_loop(running)))
        ours.append(timed(lambda: first_reading(running)))
    full_s, full_cpu_s = (median(column) for column in zip(*ours, strict=True))
    plain_s, plain_cpu_s = (median(column) for column in zip(*theirs, strict=True))
    return {
        "ratio": median(a[0] / b[0] for a, b in zip(ours, theirs, strict=True)),
        "full_s": full_s,
        "change_s": change(running),
        "plain_s": plain_s,
        "full_cpu_s": full_cpu_s,
        "plain_cpu_s": plain_cpu_s,
        "ratio_cpu": full_cpu_s / plain_cpu_s,
        "manager_s": through_a_worker(running),
    }


def timed(what: Any) -> tuple[float, float]:
    """Return the seconds something took, and those of this process' CPU."""
    begun, cpu = time.perf_counter(), time.process_time()
    what()
    return time.perf_counter() - begun, time.process_time() - cpu


def endpoint_of(running: vcsim.Vcsim) -> Endpoint:
    """Return the endpoint of a simulated vCenter."""
    options = (("fingerprint", running.fingerprint),)
    return Endpoint(id=EndpointId("bench"), driver="vsphere", uri=running.uri, options=options)


def first_reading(running: vcsim.Vcsim) -> None:
    """Connect and read everything, into our records."""
    driver = connect(endpoint_of(running), running.password)
    frame = driver.observe()
    assert (len(frame.hosts), len(frame.vms)) == (SIZE.clusters * SIZE.hosts, SIZE.vms)
    driver.close()


def through_a_worker(running: vcsim.Vcsim) -> float:
    """Return how long it takes until the manager has it: with a worker to be started."""
    pool = WorkerPool(1, SystemClock())
    try:
        driver = pool.driver(endpoint_of(running), running.password)
        return timed(driver.observe)[0]
    finally:
        pool.close()


def plain_loop(running: vcsim.Vcsim) -> None:
    """Log in and read the same properties, as one does with pyVmomi alone."""
    content = logged_in(running)
    kinds = [properties.KINDS[kind] for kind in properties.PATHS]
    view = content.viewManager.CreateContainerView(content.rootFolder, kinds, True)
    collector = vmodl.query.PropertyCollector
    step = collector.TraversalSpec(
        name="view", path="view", skip=False, type=vim.view.ContainerView
    )
    spec = collector.FilterSpec(
        objectSet=[collector.ObjectSpec(obj=view, skip=True, selectSet=[step])],
        propSet=[
            collector.PropertySpec(type=properties.KINDS[kind], pathSet=list(paths))
            for kind, paths in properties.PATHS.items()
        ],
    )
    result = content.propertyCollector.RetrievePropertiesEx([spec], collector.RetrieveOptions())
    found: dict[str, dict[str, Any]] = {}
    while result is not None:
        for one in result.objects:
            found[one.obj._moId] = {changed.name: changed.val for changed in one.propSet}
        if not result.token:
            break
        result = content.propertyCollector.ContinueRetrievePropertiesEx(result.token)
    assert len(found) > SIZE.vms
    content.sessionManager.Logout()
    content.rootFolder._stub.DropConnections()


def logged_in(running: vcsim.Vcsim) -> Any:
    """Return the root of a session of pyVmomi's own."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    stub = SoapStubAdapter(running.address, running.port, ns="vim25/6.5", sslContext=context)
    content = vim.ServiceInstance("ServiceInstance", stub).RetrieveContent()
    content.sessionManager.Login(running.user, running.password, None)
    return content


def change(running: vcsim.Vcsim) -> float:
    """Return the longest time until a change made beside us was told and read."""
    pool = WorkerPool(1, SystemClock())
    content = logged_in(running)
    try:
        driver = pool.driver(endpoint_of(running), running.password)
        vms = driver.observe().vms[:CHANGES]
        cursor = driver.changes("", 0).cursor
        waits: list[float] = []
        for vm in vms:
            real = content.searchIndex.FindByUuid(None, vm.id, True, True)
            begun: list[float] = []

            def stop(real: Any = real, begun: list[float] = begun) -> None:
                begun.append(time.perf_counter())
                real.PowerOffVM_Task()

            timer = threading.Timer(0.2, stop)
            timer.start()
            seen = False
            while not seen:
                found = driver.changes(cursor, 10.0)
                cursor = found.cursor
                if vm.id in found.vms:
                    (now,) = driver.observe_vms((vm.id,)).vms
                    seen = now.state is VmState.STOPPED
            waits.append(time.perf_counter() - begun[0])
            timer.join()
        return max(waits)
    finally:
        pool.close()
        content.sessionManager.Logout()
        content.rootFolder._stub.DropConnections()
