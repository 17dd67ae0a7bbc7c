"""Loads are measured a share at a time, each endpoint once in a round."""

from collections.abc import Callable
from typing import Any, cast

import pytest

from anypool.clock import ManualClock
from anypool.engine.loads.hour import Readings
from anypool.engine.loads.meter import SHARES, Meter
from anypool.engine.observing.observe import Observer
from anypool.errors import Unreachable
from anypool.model import Endpoint, EndpointId, Load, VmId


class Pool:
    """Stands for the observer: forty endpoints of one VM each; those that `fail` do not answer."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.failing = ""

    def endpoints(self) -> tuple[Endpoint, ...]:
        return tuple(
            Endpoint(id=EndpointId(f"e{n}"), driver="sim", uri="sim://x") for n in range(40)
        )

    def current(self, endpoint: EndpointId) -> bool:
        return True

    def driver(self, endpoint: EndpointId) -> Any:
        pool = self

        class Driver:
            def measure(self) -> tuple[Load, ...]:
                pool.asked.append(endpoint)
                if pool.failing == endpoint:
                    raise Unreachable("no")
                return (Load(vm=VmId(f"v-{endpoint}"), memory_used_mib=7),)

        return Driver()


class AtOnce:
    """Does what a pool of threads is given, before it returns."""

    def submit(self, what: Callable[..., object], *given: object) -> None:
        what(*given)


def test_each_endpoint_is_measured_once_in_a_round_and_not_all_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pool = Pool()
    meter = Meter(cast(Observer, pool), ManualClock())
    monkeypatch.setattr(meter, "_pool", AtOnce())
    kept: list[Readings] = []
    meter.kept = kept.append
    sizes = []
    for _ in range(SHARES):
        before = len(pool.asked)
        meter.measure_some()
        sizes.append(len(pool.asked) - before)
    assert sorted(pool.asked) == sorted(f"e{n}" for n in range(40))
    assert max(sizes) <= 10
    assert sorted(meter.loads()) == sorted(f"v-e{n}" for n in range(40))
    assert sum(len(one.names) for one in kept) == 40
    pool.failing = "e7"
    meter.measure(EndpointId("e7"))
    assert "v-e7" not in meter.loads(), "what fails has no load"
