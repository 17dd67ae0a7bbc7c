"""The platforms that the contract suite runs against, and which test runs on which.

A test that needs a capability says so with `needs(...)` and is made for those platforms
alone that declare it; `test_declared` sees to it that the others refuse.
"""

import importlib.util
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from anypool.clock import SystemClock
from anypool.drivers.remote import WorkerPool
from anypool.model import Capability
from tests.contract.harness import (
    ALL,
    Harness,
    SimHarness,
    SimHostsHarness,
    SimRemoteHarness,
)
from tests.lab.conftest import lab as lab  # the fixture, for the platform that needs it

SIMULATED = ("sim", "sim-hosts", "sim-remote")
LIBVIRT = importlib.util.find_spec("libvirt") is not None
VSPHERE = importlib.util.find_spec("pyVmomi") is not None


def capabilities(platform: str) -> frozenset[Capability]:
    """What a platform declares, found out without connecting to it."""
    if platform in SIMULATED:
        return ALL
    if platform == "vcsim":
        from anypool.drivers.vsphere.driver import VsphereDriver

        return VsphereDriver.capabilities
    from anypool.drivers.libvirt import driver

    kinds = {"libvirt-test": driver.TestDriver, "libvirt-qemu": driver.QemuDriver}
    return kinds[platform].capabilities


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "harness" not in metafunc.fixturenames:
        return
    marker = metafunc.definition.get_closest_marker("needs")
    needed = frozenset(marker.args if marker else ())
    if metafunc.definition.get_closest_marker("simulated"):
        metafunc.parametrize("harness", SIMULATED, indirect=True)
        return
    chosen: list[Any] = list(SIMULATED)
    if LIBVIRT:
        if needed <= capabilities("libvirt-test"):
            chosen.append("libvirt-test")
        if needed <= capabilities("libvirt-qemu"):
            chosen.append(pytest.param("libvirt-qemu", marks=pytest.mark.lab))
    alone = metafunc.definition.get_closest_marker("alone") is not None
    if VSPHERE and not alone and needed <= capabilities("vcsim"):
        chosen.append(pytest.param("vcsim", marks=pytest.mark.vcsim))
    metafunc.parametrize("harness", chosen, indirect=True)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "needs(*capabilities): only for platforms that have them")
    config.addinivalue_line(
        "markers", "alone: only where hosts know nothing of each other; a vCenter knows one copy"
    )
    config.addinivalue_line("markers", "simulated: needs faults, which only the simulator has")


@pytest.fixture(scope="session")
def worker_pool() -> Iterator[WorkerPool]:
    pool = WorkerPool(1, SystemClock())
    yield pool
    pool.close()


@pytest.fixture(scope="session")
def contract_vcenter() -> Iterator[Any]:
    """A simulated vCenter for the whole session."""
    from anypool.lab import vcsim

    running = vcsim.start(vcsim.VcsimSpec(clusters=1, hosts=2, vms=2))
    yield running
    running.stop()


@pytest.fixture
def harness(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Harness]:
    inside: Any = nullcontext()
    if request.param == "libvirt-qemu":
        inside = request.getfixturevalue("lab").inside()
    with inside:
        made = _make(request, tmp_path)
        yield made
        made.close()


def _make(request: pytest.FixtureRequest, folder: Path) -> Harness:
    if request.param == "sim":
        return SimHarness()
    if request.param == "sim-hosts":
        return SimHostsHarness()
    if request.param == "sim-remote":
        return SimRemoteHarness(request.getfixturevalue("worker_pool"), folder)
    if request.param == "vcsim":
        from tests.contract.centre import VcsimHarness

        return VcsimHarness(request.getfixturevalue("contract_vcenter"))
    from tests.contract import platforms

    if request.param == "libvirt-test":
        return platforms.LibvirtTestHarness()
    return platforms.LibvirtQemuHarness(request.getfixturevalue("lab"))
