"""Which driver an address belongs to, what is said of wrong ones, and the quality files."""

from pathlib import Path

import pytest

from anypool.drivers import registry
from anypool.errors import Denied, Invalid
from anypool.model import Endpoint, EndpointId


@pytest.mark.parametrize(
    ("uri", "driver"),
    [
        ("sim://demo?hosts=3", "sim"),
        ("qemu:///system", "libvirt"),
        ("qemu:///session", "libvirt"),
        ("QEMU+SSH://root@h1/system", "libvirt"),
        ("qemu+tcp://10.0.0.1/system", "libvirt"),
        ("qemu+tls://h1.example.org:16514/system?pkipath=/etc/pki", "libvirt"),
        ("qemu+unix:///system?socket=/run/x", "libvirt"),
        ("test:///default", "libvirt"),
        ("test+tcp://h1/default", "libvirt"),
        ("xen:///system", "libvirt"),
        ("xen+tcp://h1/system", "libvirt"),
        ("lxc:///system", "libvirt"),
    ],
)
def test_detect(uri: str, driver: str) -> None:
    assert registry.detect(uri) == driver


@pytest.mark.parametrize(
    ("uri", "hint"),
    [
        ("", "qemu+ssh://"),
        ("h1", "qemu+ssh://root@h1/system"),
        ("10.1.2.3", "qemu+ssh://root@10.1.2.3/system"),
        ("h1.example.org:16509", "qemu+tls://h1.example.org:16509/system"),
        ("quemu+ssh://h1/system", "did you mean qemu+ssh://"),
        ("https://vcenter.example.org/sdk", "known are qemu://"),
        ("qemu+ssh:/h1/system", "qemu+ssh://root@HOST/system"),
        ("qemu:// h1", "qemu+ssh://"),
        ("qemu://h1/\nsystem", "qemu+ssh://"),
        ("qemu://" + "x" * 2000, "qemu+ssh://"),
    ],
)
def test_wrong_addresses_get_a_hint(uri: str, hint: str) -> None:
    with pytest.raises(Invalid) as caught:
        registry.detect(uri)
    assert hint in caught.value.hint


def test_a_password_in_an_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(Invalid) as caught:
        registry.detect("qemu+ssh://root:canary@h1/system")
    assert "canary" not in caught.value.message + caught.value.hint


def test_schemes_belong_to_one_driver() -> None:
    schemes = [scheme for entry in registry.DRIVERS.values() for scheme in entry.schemes]
    assert len(schemes) == len(set(schemes))
    for entry in registry.DRIVERS.values():
        if not entry.schemes:
            continue
        assert registry.detect(entry.example) == entry.name


@pytest.mark.parametrize("name", sorted(registry.DRIVERS))
def test_every_driver_says_what_it_was_seen_against(name: str) -> None:
    if not (Path(registry.__file__).parent / name).is_dir():
        pytest.fail(f"driver {name} has no folder")
    quality = registry.quality(name)
    assert quality.driver == name
    assert quality.kind in {"simulator", "emulator", "product"}
    assert quality.seen


def _endpoint(uri: str, driver: str = "sim") -> Endpoint:
    return Endpoint(id=EndpointId("e"), driver=driver, uri=uri)


@pytest.mark.parametrize(
    "uri",
    [
        "sim://",
        "sim://a/../b?x",
        "sim://-rf",
        "sim://a?host=3",
        "sim://a?hosts=three",
        "sim://b/h99",
        "sim://c?fault=observe",
        "sim://d?fault=observe:flood",
    ],
)
def test_wrong_simulated_addresses(uri: str) -> None:
    with pytest.raises(Invalid):
        registry.connect(_endpoint(uri), "")


def test_simulated_endpoints_of_one_name_share_a_world() -> None:
    first = registry.connect(_endpoint("sim://shared-world/h1?hosts=2&vms=2"), "")
    second = registry.connect(_endpoint("sim://shared-world/h2?hosts=2&vms=2"), "")
    both = registry.connect(_endpoint("sim://shared-world?hosts=2&vms=2"), "")
    assert [len(d.info().hosts) for d in (first, second, both)] == [1, 1, 2]
    assert set(first.info().hosts) | set(second.info().hosts) == set(both.info().hosts)


def test_unknown_driver_and_wrong_password() -> None:
    with pytest.raises(Invalid, match="no driver 'magic'"):
        registry.connect(_endpoint("magic://x", "magic"), "")
    with pytest.raises(Denied):
        registry.connect(_endpoint("sim://locked?password=a"), "b")
