from collections.abc import Iterator

import httpx
import pytest

from tests.service.manager_kit import Manager, add_sim, running


@pytest.fixture(scope="module")
def manager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Manager]:
    with running(tmp_path_factory.mktemp("state")) as manager:
        yield manager


@pytest.fixture(scope="module")
def pool(manager: Manager) -> Iterator[httpx.Client]:
    """An administrator's client on a manager with a simulated pool of three hosts, six VMs."""
    with manager.client() as client:
        add_sim(client)
        image = {"name": "base", "datastore": "demo-shared1", "volume": "base.qcow2"}
        answer = client.post("/images", json=image)
        assert answer.status_code == 201, answer.text
        yield client
