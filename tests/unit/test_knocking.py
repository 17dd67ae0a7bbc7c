"""Who answers at an address, and which key or certificate is confirmed before a password leaves."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from anypool.drivers import hostkeys, knocking
from anypool.drivers.vsphere import greeting
from anypool.errors import Conflict, Invalid, Unreachable
from tests.unit.redfish_kit import Service, served

KEY = "AAAAC3NzaC1lZDI1NTE5AAAAIJ7NAXFLJfbGr2vgCl7xJMnxUuTjsVVyTMzGZtx2u0fL"
OTHER = "AAAAC3NzaC1lZDI1NTE5AAAAIOb0bNfVOU1oAeEtX2bXr1yZ4n0TtMZDJn7j0F4Q0w9z"
PRINT = hostkeys.fingerprint(KEY)


@pytest.fixture
def bmc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with served(tmp_path_factory.mktemp("bmc")) as made:
        yield made


@pytest.fixture
def ssh(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What OpenSSH's programs would print: a scan, and what is kept already."""
    said = {
        "ssh-keyscan": f"# h1:22\nh1 ssh-rsa AAAAB3Nz\nh1 ssh-ed25519 {KEY}\n",
        "ssh-keygen": "",
    }
    monkeypatch.setattr(hostkeys, "_said", lambda command: said[command[0]])
    return said


def test_a_fingerprint_is_that_of_openssh(tmp_path: Path) -> None:
    file = tmp_path / "key.pub"
    file.write_text(f"ssh-ed25519 {KEY} somebody\n")
    told = subprocess.run(["ssh-keygen", "-lf", file], capture_output=True, text=True, check=True)
    assert told.stdout.split()[1] == PRINT
    assert hostkeys.fingerprint("not base64!") == ""


def test_ssh_is_taken_for_a_libvirt_host_and_shows_its_key(ssh: dict[str, str]) -> None:
    (found,) = knocking.knock("qemu+ssh://admin@h1/system")
    assert (found.kind, found.login, found.user) == ("libvirt-ssh", "key", "admin")
    assert (found.shows, found.fingerprint, found.vouched) == ("host-key", PRINT, False)
    ssh["ssh-keygen"] = f"h1 ssh-ed25519 {KEY}\n"
    assert knocking.knock("qemu+ssh://h1/system")[0].vouched
    ssh["ssh-keygen"] = f"h1 ssh-ed25519 {OTHER}\n"
    assert knocking.knock("qemu+ssh://h1/system")[0].changed
    ssh["ssh-keyscan"] = ""
    assert knocking.knock("qemu+ssh://h1/system") == ()


def test_only_the_key_that_was_confirmed_is_kept(ssh: dict[str, str], tmp_path: Path) -> None:
    kept = tmp_path / "known_hosts"
    with pytest.raises(Conflict, match="shows another host key"):
        hostkeys.trust("h1", 2222, "SHA256:other", tmp_path)
    assert not kept.exists()
    hostkeys.trust("h1", 2222, PRINT, tmp_path)
    assert kept.read_text() == f"[h1]:2222 ssh-ed25519 {KEY}\n"
    ssh["ssh-keygen"] = f"[h1]:2222 ssh-ed25519 {OTHER}\n"
    with pytest.raises(Conflict, match="another host key of h1:2222 is kept"):
        hostkeys.trust("h1", 2222, PRINT, tmp_path)
    ssh["ssh-keyscan"] = ""
    with pytest.raises(Unreachable):
        hostkeys.trust("h1", 2222, PRINT, tmp_path)


def test_a_bmc_shows_its_certificate_and_gets_no_password(bmc: Service) -> None:
    (found,) = knocking.knock(bmc.url.replace("https://", "redfish://"))
    assert (found.kind, found.server, found.login) == ("redfish", True, "password")
    assert (found.shows, found.fingerprint) == ("certificate", bmc.fingerprint)
    assert bmc.carried == []


SOAP = b"<about><fullName>VMware vCenter Server 8.0</fullName><apiType>%s</apiType></about>"


@pytest.mark.parametrize(("kind", "found"), [(b"VirtualCenter", 1), (b"HostAgent", 0)])
def test_a_vcenter_says_what_it_is(
    bmc: Service, monkeypatch: pytest.MonkeyPatch, kind: bytes, found: int
) -> None:
    port = int(bmc.url.rpartition(":")[2])
    monkeypatch.setattr(greeting, "_asked", lambda _wrapped, _host: (SOAP % kind).decode())
    answers = knocking.knock(f"vsphere://127.0.0.1:{port}/")
    assert len(answers) == found
    for one in answers:
        assert (one.product, one.vouched) == ("VMware vCenter Server 8.0", False)
        assert one.fingerprint == bmc.fingerprint


def test_what_is_no_vcenter_is_none(bmc: Service) -> None:
    assert greeting.greet("127.0.0.1", int(bmc.url.rpartition(":")[2])) is None
    assert greeting.greet("127.0.0.1", 1) is None


@pytest.mark.parametrize("text", ["", "two words", "-oProxyCommand=x", "h1:2222", "a/b"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        knocking.knock(text)
    assert "qemu+ssh://" in refused.value.hint


def test_a_simulated_pool_needs_nothing() -> None:
    (found,) = knocking.knock("sim://demo?hosts=3")
    assert (found.kind, found.login, found.shows) == ("sim", "nothing", "nothing")
