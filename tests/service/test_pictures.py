"""Plans as pictures over HTTP: of the inventory they were made from, also when they have run."""

from pathlib import Path

from tests.service.manager_kit import add_sim, finished, problem, running


def test_a_plan_that_ran_is_still_shown_as_it_was_decided(tmp_path: Path) -> None:
    with running(tmp_path) as manager, manager.client() as client:
        add_sim(client, query="hosts=4&vms=30&seed=7")
        ended = finished(client, client.post("/pools/default/balance"))
        seen = client.get(f"/plans/{ended['plan']}/picture").json()
        problem(client.get("/plans/plan-none/picture"), 404)
    assert seen["kept"]
    assert seen["stopped_at"] == 0
    numbers = {step["number"] for step in ended["steps"]}
    assert {one["number"] for one in seen["steps"]} == numbers
    gone = {p["step"] for host in seen["hosts"] for p in host["before"]["parts"]} - {0}
    came = {p["step"] for host in seen["hosts"] for p in host["after"]["parts"]} - {0}
    assert gone == came
    assert gone <= numbers
