"""BMCs of the lab that misbehave on demand: what a client gets to see."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from anypool.lab import bmc_moods
from anypool.lab.bmc_moods import Moody
from anypool.lab.places import LabPlaces
from anypool.lab.spec import LabSpec

SERVERS = LabSpec(name="one", hosts=2, spares=0).servers()
RESET = "/redfish/v1/Systems/x/Actions/ComputerSystem.Reset"


class Bench:
    """The service behind is on, and counts the orders it got."""

    def __init__(self, folder: Path) -> None:
        self.places = LabPlaces(folder)
        self.orders = 0
        self.moody = Moody(self._inner, self.places, SERVERS)

    def _inner(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        self.orders += environ["REQUEST_METHOD"] == "POST"
        body = json.dumps({"PowerState": "On"}).encode()
        start_response("200 OK", [("Content-Length", str(len(body)))])
        return [body]

    def ask(self, method: str = "GET", path: str = "/redfish/v1/Systems/x", host: int = 0) -> Any:
        said: list[Any] = []
        address = SERVERS[host].bmc_address
        environ = {"REQUEST_METHOD": method, "PATH_INFO": path, "SERVER_NAME": address}
        body = b"".join(self.moody(environ, lambda *words: said.extend(words)))
        return said[0], dict(said[1]), body

    def be(self, mood: str) -> None:
        self.places.bmc_moods.write_text(json.dumps({"h1": mood}))


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setattr(bmc_moods, "SLOW_S", 0.0)
    monkeypatch.setattr(bmc_moods, "SILENT_S", 0.0)
    return Bench(tmp_path)


@pytest.mark.parametrize(("mood", "power"), [("", "On"), ("says-on", "On"), ("says-off", "Off")])
def test_power_is_told_as_the_mood_is(bench: Bench, mood: str, power: str) -> None:
    bench.be(mood)
    _, headers, body = bench.ask()
    assert json.loads(body) == {"PowerState": power}
    assert int(headers["Content-Length"]) == len(body)
    assert json.loads(bench.ask(host=1)[2]) == {"PowerState": "On"}


@pytest.mark.parametrize(
    ("mood", "status", "orders"),
    [("well", "200", 1), ("slow", "200", 1), ("deaf", "204", 0), ("refusing", "409", 0)],
)
def test_orders_are_taken_as_the_mood_is(bench: Bench, mood: str, status: str, orders: int) -> None:
    bench.be(mood)
    assert bench.ask("POST", RESET)[0].startswith(status)
    assert bench.orders == orders


def test_what_fails_fails_and_what_is_cut_is_shorter_than_it_says(bench: Bench) -> None:
    bench.be("failing")
    assert bench.ask()[0].startswith("500")
    bench.be("cut")
    _, headers, body = bench.ask()
    assert int(headers["Content-Length"]) > len(body)
    bench.be("silent")
    with pytest.raises(ConnectionAbortedError):
        bench.ask()
