"""A manager whose certificate lives for seconds, and BMCs that show another one."""

import time
from pathlib import Path
from typing import Any

import pytest

from anypool.api.own_certificate import DAY_S, own
from anypool.cli import contexts, tls
from tests.service.manager_kit import add_sim, problem, running, until
from tests.service.test_adoption import body as adopting
from tests.service.test_bmcs import body, path_of
from tests.service.test_cli_process import encrypted
from tests.unit.cli_kit import Terminal
from tests.unit.redfish_kit import SYSTEM, served
from tests.unit.redfish_rack import blade


@pytest.fixture
def anypool(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Terminal:
    monkeypatch.setenv("ANYPOOL_CONFIG", str(tmp_path / "contexts.json"))
    return Terminal(capsys)


def shown(url: str) -> str:
    return tls.digest(tls.shown_certificate(url))


def test_it_is_renewed_while_it_is_in_use(tmp_path: Path, anypool: Terminal) -> None:
    """It begins with one that is over for long, and lives for eight seconds then."""
    own(tmp_path / "state" / "tls", frozenset({"127.0.0.1"}), time.time() - 2000 * DAY_S)
    with encrypted(tmp_path / "state", tls_own_days=8 / DAY_S) as (url, fingerprint, code):
        link = f"{url}/login#code={code}"
        assert anypool("login", link, "--fingerprint", fingerprint).code == 0
        pinned = contexts.load(contexts.path())
        first = shown(url)
        second = until(lambda: (seen := shown(url)) != first and seen, "it is renewed")
        until(lambda: shown(url) != second, "it is renewed again")
        listed = anypool("tls", "list", "-o", "name")
        assert listed.code == 0, "who trusted its key is not asked again"
        assert "manager" in listed.out
        assert contexts.load(contexts.path()) == pinned
        assert anypool("tls", "renew").code == 0
        assert "certificate.renewed" in anypool("event", "list").out
        assert anypool("tls", "renew", "--new-key").code == 0
        refused = anypool("event", "list")
        assert refused.code == 2
        assert "not the known one" in refused.err


def test_files_are_read_without_a_restart(tmp_path: Path, anypool: Terminal) -> None:
    first = own(tmp_path / "a", frozenset({"127.0.0.1"}), time.time())
    second = own(tmp_path / "b", frozenset({"127.0.0.1"}), time.time())
    given = {"tls_certificate": str(first.certificate), "tls_key": str(first.key)}
    with encrypted(tmp_path / "state", tls_check_s=0.2, **given) as (url, fingerprint, code):
        link = f"{url}/login#code={code}"
        assert anypool("login", link, "--fingerprint", fingerprint).code == 0
        first.certificate.write_text("nonsense")
        until(
            lambda: "certificate.unusable" in anypool("event", "list").out,
            "it is said that the file will not do",
        )
        assert "given to it" in anypool("tls", "renew").err
        first.key.write_bytes(second.key.read_bytes())
        first.certificate.write_bytes(second.certificate.read_bytes())
        wanted = tls.digest(second.certificate.read_text())
        until(lambda: shown(url) == wanted, "the new files are shown")


def test_a_bmc_with_another_certificate_is_told_and_confirmed(tmp_path: Path) -> None:
    with (
        served(tmp_path / "bmc") as service,
        running(tmp_path / "s", bmc_every_s=0.3) as manager,
        manager.client() as client,
    ):
        add_sim(client)
        path = path_of(client)
        assert client.post(path, json=body(service)).status_code == 200
        [first] = client.post("/certificates/look").json()["items"]
        assert (first["state"], first["pinned"]) == ("good", service.fingerprint)
        other = own(tmp_path / "other", frozenset({"localhost"}), time.time())
        assert service.context is not None
        service.context.load_cert_chain(other.certificate, other.key)
        [changed] = client.post("/certificates/look").json()["items"]
        assert changed["state"] == "changed"
        kinds = [one["kind"] for one in client.get("/events").json()["items"]]
        assert kinds.count("certificate.changed") == 1
        service.carried.clear()
        until(lambda: "another certificate" in client.get(path).json()["message"], "it is told")
        assert not service.carried, "no password goes to another certificate"
        confirm = f"/certificates/{first['id']}/confirm"
        wrong: Any = {"fingerprint": "ab" * 32}
        problem(client.post(confirm, json=wrong), 409)
        right = {"fingerprint": other.fingerprint}
        assert client.post(confirm, json=right).json()["state"] == "good"
        until(lambda: client.get(path).json()["message"] == "", "it is spoken to again")
        problem(client.post("/certificates/bmc:none/confirm", json=right), 404)
        problem(client.post("/certificates/renew", json={}), 422)


def test_the_bmc_of_an_adopted_server_is_watched_and_confirmed_too(tmp_path: Path) -> None:
    with (
        served(tmp_path / "bmc") as service,
        running(tmp_path / "s", unreachable_retry_s=0.1, unreachable_retry_max_s=0.2) as manager,
        manager.client() as client,
    ):
        blade(service)
        assert client.post("/servers", json=adopting(service)).status_code == 201
        [first] = client.post("/certificates/look").json()["items"]
        assert (first["id"], first["state"]) == ("endpoint:bmc-b3", "good")
        other = own(tmp_path / "other", frozenset({"localhost"}), time.time())
        assert service.context is not None
        service.context.load_cert_chain(other.certificate, other.key)
        [changed] = client.post("/certificates/look").json()["items"]
        assert changed["state"] == "changed"
        confirm = {"fingerprint": other.fingerprint}
        assert client.post("/certificates/endpoint:bmc-b3/confirm", json=confirm).status_code == 200

        def state() -> Any:
            return client.get("/endpoints/bmc-b3").json()["state"]

        until(lambda: state() == "connected", "it is spoken to again")
        del service.extra[SYSTEM]  # which says on, whatever is switched
        off = client.post("/servers/b3/power", json={"to": "force-off"})
        assert off.json()["power"] == "off", off.text
