"""The sample pool: there in one request, marked as simulated, gone in another."""

from pathlib import Path

from tests.service.manager_kit import finished, problem, running


def test_a_sample_pool_comes_and_goes(tmp_path: Path) -> None:
    with running(tmp_path) as manager, manager.client() as client:
        made = client.post("/sample").json()
        assert made["there"] is True
        hosts = client.get("/hosts", params={"q": "pool = sample"}).json()
        vms = client.get("/vms", params={"q": "tag = prod"}).json()
        assert hosts["total"] == made["hosts"]
        assert vms["total"] > 0
        assert {one["driver"] for one in client.get("/endpoints").json()["items"]} == {"sim"}
        image = client.get("/images").json()["items"][0]["name"]
        body = {"name": "mine", "image": image, "memory": "512MiB", "networks": ["prod"]}
        assert finished(client, client.post("/vms", json=body))["state"] == "done"
        assert "already" in problem(client.post("/sample"), 409)["detail"]
        assert client.delete("/sample").status_code == 204
        for path in ("/hosts", "/vms", "/images", "/endpoints"):
            assert client.get(path).json()["total"] == 0, path
        assert [one["id"] for one in client.get("/pools").json()["items"]] == ["default"]
        problem(client.delete("/sample"), 404)
        assert client.post("/sample").status_code == 201


def test_a_pool_of_that_name_is_left_alone(tmp_path: Path) -> None:
    with running(tmp_path) as manager, manager.client() as client:
        client.post("/pools", json={"name": "sample"})
        assert "there is a pool sample" in problem(client.post("/sample"), 409)["detail"]
        assert client.get("/sample").json()["there"] is False


def test_an_address_where_nobody_answers_says_what_was_tried(tmp_path: Path) -> None:
    with running(tmp_path) as manager, manager.client() as client:
        answer = client.post("/endpoints/look", json={"address": "redfish://127.0.0.1:1"})
        assert "Redfish" in problem(answer, 503)["hint"]
        found = client.post("/endpoints/look", json={"address": "sim://demo?hosts=2"}).json()
        assert found["items"][0]["kind"] == "sim"
        body = {"uri": "sim://demo?hosts=2", "host_key": "SHA256:x"}
        assert "no host key" in problem(client.post("/endpoints", json=body), 422)["detail"]
