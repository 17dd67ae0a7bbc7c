"""Loads over time through a whole manager: measured, kept, asked for, drawn."""

import httpx
import pytest

from tests.service.manager_kit import Manager, add_sim, problem, running, until


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> object:
    folder = tmp_path_factory.mktemp("state")
    made = running(folder, measure_every_s=0.2, history_step_s=1, history_flush_s=0.3)
    with made as manager, manager.client() as client:
        add_sim(client)
        yield manager, client


def values(client: httpx.Client, path: str, **query: object) -> list[float]:
    answer = client.get(path, params={"since": -120, "step": 1, **query})
    assert answer.status_code == 200, answer.text
    found = answer.json()["metrics"]["cpu_percent"]["mean"]
    return [value for value in found if value is not None]


def test_hosts_and_vms_have_a_history(busy: tuple[Manager, httpx.Client]) -> None:
    _, client = busy
    until(lambda: len(values(client, "/hosts/h1/history")) > 2, "loads are kept")
    whole = client.get("/vms/vm1/history", params={"metric": "memory_used_mib,cpu_percent"}).json()
    assert set(whole["metrics"]) == {"memory_used_mib", "cpu_percent"}
    column = whole["metrics"]["memory_used_mib"]
    assert column["unit"] == "MiB"
    assert len(whole["times"]) == len(column["mean"]) == len(column["min"]) == len(column["max"])
    assert None in column["mean"], "what nobody measured is a gap"
    assert column["whole"]["samples"] > 0
    assert column["whole"]["p95"] <= column["whole"]["max"] * 1.02


def test_a_history_that_cannot_be_is_refused(busy: tuple[Manager, httpx.Client]) -> None:
    _, client = busy
    problem(client.get("/hosts/nobody/history"), 404)
    said = problem(client.get("/vms/vm1/history", params={"metric": "cpu"}), 422)
    assert "cpu_percent" in said["hint"]
    problem(client.get("/vms/vm1/history", params={"since": 50, "until": 40}), 422)
    problem(client.get("/vms/vm1/history", params={"since": "nan"}), 422)


def test_history_is_there_after_a_restart(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("again")
    settings = {"measure_every_s": 0.2, "history_step_s": 1, "history_flush_s": 0.3}
    with running(folder, **settings) as manager, manager.client() as client:
        add_sim(client)
        until(lambda: len(values(client, "/vms/vm1/history")) > 2, "loads are kept")
        times = client.get("/vms/vm1/history", params={"since": -30, "step": 1}).json()["times"]
    with running(folder, **settings) as manager, manager.client() as client:
        assert values(client, "/vms/vm1/history", since=times[0], until=times[-1])
