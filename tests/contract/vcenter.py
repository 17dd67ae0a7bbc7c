"""A simulated vCenter for tests, with somebody between it and the driver; no test of its own."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from anypool.drivers.registry import connect
from anypool.lab.vcsim import Vcsim, VcsimSpec, start
from anypool.model import Endpoint, EndpointId
from tests.contract.between import TRUSTING, Between

WATCHED = EndpointId("watched")
PASSWORD = "canary-vcenter-pW7nQ2zL9x"


class Center:
    """A vCenter, somebody between, and a person who works at the vCenter itself."""

    def __init__(self, folder: Path, spec: VcsimSpec) -> None:
        self._spec = replace(spec, password=PASSWORD, state_dir=folder / "vcsim")
        self.vcsim: Vcsim = start(self._spec)
        self._spec = replace(self._spec, port=self.vcsim.port)
        self.between = Between(self.vcsim.address, self.vcsim.port, folder / "tls", time.time())

    @property
    def uri(self) -> str:
        """The address of an endpoint that goes through who is between."""
        return f"vsphere://{self.vcsim.user}@127.0.0.1:{self.between.port}/"

    @property
    def options(self) -> dict[str, str]:
        """The options of that endpoint."""
        return {"fingerprint": self.between.fingerprint}

    def endpoint(self, *, observe_only: bool = True) -> Endpoint:
        """Return an endpoint that goes through who is between."""
        return Endpoint(
            id=WATCHED,
            driver="vsphere",
            uri=self.uri,
            options=tuple(self.options.items()),
            observe_only=observe_only,
        )

    def driver(self, *, observe_only: bool = True) -> Any:
        """Return a new connection through who is between."""
        return connect(self.endpoint(observe_only=observe_only), PASSWORD)

    def restart(self, *, hosts: int = 0) -> None:
        """End the vCenter and start it again at the same place.

        With another number of hosts every object gets another name there, as when a vCenter
        is made anew over the same VMs.
        """
        self.vcsim.stop()
        self.vcsim = start(replace(self._spec, hosts=hosts) if hosts else self._spec)

    def close(self) -> None:
        """End everything."""
        self.between.close()
        self.vcsim.stop()

    @contextmanager
    def person(self) -> Iterator[Any]:
        """Let somebody work at the vCenter with a client of their own; gives its root."""
        from pyVim.connect import Disconnect, SmartConnect

        there = SmartConnect(
            host=self.vcsim.address,
            port=self.vcsim.port,
            user=self.vcsim.user,
            pwd=PASSWORD,
            sslContext=TRUSTING,
        )
        try:
            yield there.content
        finally:
            Disconnect(there)


def all_of(root: Any, kind: Any) -> list[Any]:
    """Return all objects of a kind, by name."""
    view = root.viewManager.CreateContainerView(root.rootFolder, [kind], True)
    found = sorted(view.view, key=lambda one: str(one.name))
    view.Destroy()
    return found


def done(task: Any) -> Any:
    """Wait for a task of vCenter and return what it made; fail with its words."""
    until = time.monotonic() + 10
    while task.info.state not in ("success", "error"):
        assert time.monotonic() < until, f"{task.info.descriptionId} does not end"
        time.sleep(0.01)
    assert task.info.state == "success", task.info.error
    return task.info.result
