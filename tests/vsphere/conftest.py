"""A simulated vCenter for the tests of one session, and our driver and pyVmomi's own view of it."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from anypool.drivers.registry import connect
from anypool.lab import vcsim
from anypool.model import Endpoint, EndpointId


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "vsphere" in item.path.parts:
            item.add_marker("vcsim")


def endpoint_of(running: vcsim.Vcsim, name: str = "vc", **fields: Any) -> Endpoint:
    """Return the endpoint of a simulated vCenter whose certificate is confirmed."""
    options = (("fingerprint", running.fingerprint),)
    return Endpoint(
        id=EndpointId(name), driver="vsphere", uri=running.uri, options=options, **fields
    )


def beside(running: vcsim.Vcsim) -> Any:
    """Return the root of a session of pyVmomi's own, as a colleague's script has it."""
    from pyVmomi import SoapStubAdapter, vim

    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    stub = SoapStubAdapter(running.address, running.port, ns="vim25/6.5", sslContext=context)
    content = vim.ServiceInstance("ServiceInstance", stub).RetrieveContent()
    content.sessionManager.Login(running.user, running.password, None)
    return content


@contextmanager
def session(running: vcsim.Vcsim) -> Iterator[Any]:
    """Log in beside us, and out again."""
    made = beside(running)
    yield made
    made.sessionManager.Logout()
    made.rootFolder._stub.DropConnections()


def found(content: Any, kind: Any) -> list[Any]:
    """Return all managed objects of a kind, as pyVmomi finds them, by name."""
    view = content.viewManager.CreateContainerView(content.rootFolder, [kind], True)
    objects = sorted(view.view, key=lambda one: one.name)
    view.Destroy()
    return objects


@pytest.fixture(scope="session")
def vcenter() -> Iterator[vcsim.Vcsim]:
    """Two clusters of three hosts and eight VMs; tests share it and leave it as it was."""
    running = vcsim.start(vcsim.VcsimSpec(clusters=2, hosts=3, vms=8, networks=2))
    yield running
    running.stop()


@pytest.fixture
def driver(vcenter: vcsim.Vcsim) -> Iterator[Any]:
    """Our driver, in this process."""
    made = connect(endpoint_of(vcenter), vcenter.password)
    yield made
    made.close()


@pytest.fixture
def content(vcenter: vcsim.Vcsim) -> Iterator[Any]:
    """pyVmomi's own session beside it."""
    with session(vcenter) as made:
        yield made
