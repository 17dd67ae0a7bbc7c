"""Certificates: what is said of one that ends or changes, and how the manager's own is renewed."""

import ssl
import time
from pathlib import Path

import pytest
from cryptography import x509
from msgspec.structs import replace

from anypool.api.own_certificate import DAY_S, own
from anypool.api.showing import Showing
from anypool.cli import tls
from anypool.clock import ManualClock
from anypool.engine.certificates.judging import Seen, judged, state_of
from anypool.engine.certificates.places import client_files, known_places, look
from anypool.errors import Invalid
from anypool.model import Bmc, Endpoint, EndpointId, HostId
from anypool.settings import Settings
from anypool.store.certificates import Known
from tests.unit.redfish_kit import served

NOW = 1_800_000_000.0
BMC = Known(id="bmc:h1", what="the BMC of h1", place="10.0.0.9:443", pinned="aa")


def seen(days: float, fingerprint: str = "aa") -> Seen:
    return Seen(fingerprint=fingerprint, subject="CN=x", until=NOW + days * DAY_S)


def kinds(known: Known, found: Seen, now: float = NOW) -> tuple[Known, list[str]]:
    after, said = judged(known, found, now)
    return after, [one.kind for one in said]


def test_each_mark_is_told_once() -> None:
    known, told = BMC, list[int]()
    for day in range(40):
        known, said = kinds(known, seen(40), NOW + day * DAY_S)
        told += [40 - day for _ in said]
        assert kinds(known, seen(40), NOW + day * DAY_S)[1] == [], "a second look says nothing"
    assert told == [30, 14, 7, 1]
    known, said = kinds(known, seen(40), NOW + 41 * DAY_S)
    assert said == ["certificate.expired"]
    assert state_of(known, NOW + 41 * DAY_S) == "expired"


def test_one_that_is_short_when_first_seen_is_told_once() -> None:
    known, said = kinds(BMC, seen(3))
    assert said == ["certificate.expiring"]
    assert kinds(known, seen(3), NOW + DAY_S)[1] == []


def test_a_renewed_one_is_warned_of_anew() -> None:
    server = replace(BMC, pinned="")
    known, _ = kinds(server, seen(3))
    known, said = kinds(known, seen(400, "bb"))
    assert said == ["certificate.renewed"]
    assert kinds(known, seen(400, "bb"), NOW + 390 * DAY_S)[1] == ["certificate.expiring"]


def test_another_than_the_pinned_one_is_an_error_until_it_is_confirmed() -> None:
    known, _ = kinds(BMC, seen(400))
    known, said = kinds(known, seen(400, "bb"))
    assert said == ["certificate.changed"]
    assert state_of(known, NOW) == "changed"
    assert kinds(known, seen(400, "bb"))[1] == [], "it is said once"
    assert kinds(known, seen(400, "cc"))[1] == ["certificate.changed"], "and once of the next"
    known, said = kinds(replace(known, pinned="bb"), seen(400, "bb"))
    assert (state_of(known, NOW), said) == ("good", [])


def test_silence_changes_nothing_but_is_shown() -> None:
    known, _ = kinds(BMC, seen(3))
    silent, said = kinds(known, Seen(error="no route"))
    assert (silent.until, silent.error, said) == (known.until, "no route", [])
    assert state_of(kinds(BMC, Seen(error="no route"))[0], NOW) == "unknown"


# Where they are


def endpoint(name: str, uri: str, driver: str, **options: str) -> Endpoint:
    given = tuple(options.items())
    return Endpoint(id=EndpointId(name), uri=uri, driver=driver, options=given)


def test_what_conversations_rest_on() -> None:
    bmc = Bmc(host=HostId("id1"), url="https://[2001:db8::9]:8443", user="u", system="/s",
              fingerprint="ab" * 32, product="x", identified=True)  # fmt: skip
    found = known_places(
        [
            endpoint("vc", "vsphere://root@vc.example/", "vsphere", fingerprint="AB:CD"),
            endpoint("h1", "qemu+tls://h1.example/system?pkipath=/etc/own", "libvirt"),
            endpoint("h2", "qemu+ssh://h2.example/system", "libvirt"),
            endpoint("h3", "qemu:///system", "libvirt"),
            endpoint("sim", "sim://demo?hosts=3", "sim"),
            endpoint("b1", "redfish://[2001:db8::7]/redfish/v1/x", "redfish", fingerprint="ef"),
        ],
        [(bmc, "h1")],
    )
    assert {one.id: (one.place, one.pinned) for one in found} == {
        "bmc:id1": ("[2001:db8::9]:8443", "ab" * 32),
        "client:/etc/own/clientcert.pem": ("/etc/own/clientcert.pem", ""),
        "endpoint:b1": ("[2001:db8::7]:443", "ef"),
        "endpoint:h1": ("h1.example:16514", ""),
        "endpoint:vc": ("vc.example:443", "abcd"),
    }
    root = client_files("qemu+tls://h1/system", root=True)
    assert root[1] == Path("/etc/pki/libvirt/private/clientkey.pem")


def test_a_server_is_looked_at_and_a_file(tmp_path: Path) -> None:
    with served(tmp_path) as service:
        place = service.url.removeprefix("https://")
        found = look(replace(BMC, place=place))
        assert found.fingerprint == service.fingerprint
        assert found.until > time.time()
        assert not service.asked, "nothing was sent"
    file = tmp_path / "certificate.pem"
    assert look(Known(id=f"client:{file}", what="", place=str(file))) == found
    assert "No such file" in look(Known(id="client:/no", what="", place="/no")).error
    assert look(replace(BMC, place="127.0.0.1:1")).error


# The manager's own


def test_a_renewed_certificate_keeps_its_key(tmp_path: Path) -> None:
    """Also one that is over already, as when the manager was away for long."""
    names = frozenset({"m"})
    texts = []
    for day in (0, 800, 2000):
        made = own(tmp_path, names, NOW + day * DAY_S)
        assert made.span[1] > NOW + (day + 700) * DAY_S
        texts.append(made.certificate.read_text())
    assert len({tls.digest(text) for text in texts}) == 3
    assert len({tls.key_digest(text) for text in texts}) == 1
    other = own(tmp_path, names, NOW, force="new-key").certificate.read_text()
    assert tls.key_digest(other) != tls.key_digest(texts[0])


def test_a_key_without_its_certificate_is_mended(tmp_path: Path) -> None:
    """The manager was killed between the two."""
    made = own(tmp_path / "a", frozenset({"m"}), NOW)
    made.key.write_bytes(own(tmp_path / "b", frozenset({"m"}), NOW).key.read_bytes())
    own(tmp_path / "a", frozenset({"m"}), NOW).check()


def test_short_lives_are_renewed_in_their_last_third(tmp_path: Path) -> None:
    clock = ManualClock(NOW)
    chosen = Settings(state_dir=str(tmp_path), tls_own_days=9 / DAY_S)
    showing = Showing(chosen, frozenset({"m"}), clock)
    told = []
    showing.told = lambda kind, *_: told.append(kind)
    for _ in range(60):
        clock.advance(1)
        showing.round()
        assert showing.certificate.span[1] > clock.now(), "it is never over"
    assert len(told) > 5
    clock.advance(100_000)
    showing.round()
    assert showing.certificate.span[1] > clock.now(), "it is renewed after its end, too"


def test_files_that_were_given_are_read_again(tmp_path: Path) -> None:
    first = own(tmp_path / "a", frozenset({"m"}), NOW)
    second = own(tmp_path / "b", frozenset({"m"}), NOW)
    chosen = Settings(
        state_dir=str(tmp_path), tls_certificate=str(first.certificate), tls_key=str(first.key)
    )
    showing = Showing(chosen, frozenset({"m"}), ManualClock(NOW))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    showing.take(context)
    told = []
    showing.told = lambda kind, _, bad: told.append((kind, bad))
    first.certificate.write_bytes(second.certificate.read_bytes())
    showing.round()
    showing.round()
    assert told == [("certificate.unusable", True)], "one file of two is no pair; told once"
    assert "will not do" in showing.problem
    first.key.write_bytes(second.key.read_bytes())
    showing.round()
    assert told[-1] == ("certificate.renewed", False)
    assert not showing.problem
    with pytest.raises(Invalid, match="was given to it"):
        showing.renew(new_key=False)


@pytest.mark.parametrize("given", [{"tls_certificate": "/x"}, {"tls_key": "/x"},
                                   {"tls_certificate": "/no", "tls_key": "/no"}])  # fmt: skip
def test_files_that_will_not_do_are_refused_at_the_start(
    tmp_path: Path, given: dict[str, str]
) -> None:
    with pytest.raises(Invalid) as raised:
        Showing(Settings(state_dir=str(tmp_path), **given), frozenset(), ManualClock(NOW))
    assert raised.value.hint


def test_the_certificate_is_still_for_servers(tmp_path: Path) -> None:
    made = own(tmp_path, frozenset({"m"}), NOW, force="renew")
    found = x509.load_pem_x509_certificate(made.certificate.read_bytes())
    assert found.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
