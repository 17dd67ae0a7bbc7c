"""A hundred virtual BMCs: their inventory, and a power cycle of each, beside ironic.

`python -m benchmarks bmc [COUNT]`. Both sides ask the same emulator, sushy-tools with its fake
driver and without its random delay, over TLS, and are asked by eight clients at once.
"""

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from anypool.cli import child
from anypool.cli.connection import open_http
from anypool.cli.contexts import Context
from anypool.cli.login import by_code
from anypool.settings import Settings
from benchmarks import bmc_ironic
from benchmarks.bmc_ironic import CLIENTS
from benchmarks.table import Rows, show
from tests.service.bmc_emulator_kit import Emulated, emulated, uuid

COUNT = 100


def run() -> None:
    """Measure both and print the figures."""
    count = int(sys.argv[2]) if len(sys.argv) > 2 else COUNT
    rows: Rows = {}
    with tempfile.TemporaryDirectory(prefix="bmc-") as name:
        folder = Path(name)
        (folder / "emulator").mkdir()
        with emulated(folder / "emulator", count) as service:
            rows["anypool"] = ours(folder, service, count)
            rows["ironic"] = theirs(folder, service, count)
    cycle = {who: figures["on s"][0] + figures["off s"][0] for who, figures in rows.items()}
    for who, seconds in cycle.items():
        rows[who]["cycle s"] = [seconds]
    ratio = cycle["anypool"] / cycle["ironic"]
    inventory = rows["anypool"]["inventory s"][0] / rows["ironic"]["inventory s"][0]
    figures = {"ratio": ratio, "inventory_ratio": inventory, "cycle_s": cycle["anypool"]}
    show(f"{count} virtual BMCs", rows, figures)


def system(number: int) -> str:
    """Return the path of a system of the emulator."""
    return f"/redfish/v1/Systems/{uuid(number)}"


def ours(folder: Path, service: Emulated, count: int) -> dict[str, list[float]]:
    """Return what a manager needs."""
    with _manager(folder) as client, ThreadPoolExecutor(CLIENTS) as crew:

        def each(do: Callable[[int], Any]) -> float:
            begin = time.monotonic()
            list(crew.map(do, range(count)))
            return time.monotonic() - begin

        def adopt(number: int) -> None:
            body = {
                "address": f"redfish://{service.url.removeprefix('https://')}",
                "system": system(number),
                "user": "somebody",
                "password": "password",
                "fingerprint": service.fingerprint,
                "name": f"node{number}",
                "prove": False,
            }
            client.post("/servers", json=body).raise_for_status()

        def switch(number: int, to: str, shown: str) -> None:
            answer = client.post(f"/servers/node{number}/power", json={"to": to})
            if answer.raise_for_status().json()["power"] != shown:
                raise SystemExit(f"node{number} is not {shown}")

        inventory = each(adopt)
        found = client.get("/servers?limit=1000").raise_for_status().json()["items"]
        if len(found) != count or not all(one["adapters"] for one in found):
            raise SystemExit(f"{len(found)} servers of {count} are known")
        on = each(lambda number: switch(number, "on", "on"))
        off = each(lambda number: switch(number, "force-off", "off"))
    return {"inventory s": [inventory], "on s": [on], "off s": [off]}


def theirs(folder: Path, service: Emulated, count: int) -> dict[str, list[float]]:
    """Return what ironic needs."""
    with bmc_ironic.running(folder / "ironic") as peer:
        inventory = peer.inventory(service.url, [system(number) for number in range(count)])
        on, off = peer.power("on", count), peer.power("off", count)
    return {"inventory s": [inventory], "on s": [on], "off s": [off]}


@contextmanager
def _manager(folder: Path) -> Iterator[httpx.Client]:
    """Run a manager and lend a client of it."""
    state = folder / "state"
    state.mkdir(mode=0o700)
    with child.manager(Settings(state_dir=str(state), listen_port=0)) as manager:
        code = manager.log.read_text().rpartition("/login#code=")[2].split()[0]
        with open_http(by_code(Context(url=manager.url), code)) as client:
            client.base_url, client.timeout = f"{manager.url}/api/v1", 120.0
            yield client
