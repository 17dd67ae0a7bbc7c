import datetime
import stat
from pathlib import Path

from cryptography import x509

from anypool.api.own_certificate import own

NOW = 1_800_000_000.0
DAY = 86_400.0


def test_it_is_made_once_and_kept_private(tmp_path: Path) -> None:
    first = own(tmp_path / "tls", frozenset({"manager", "10.0.0.1"}), NOW)
    again = own(tmp_path / "tls", frozenset({"manager"}), NOW + DAY)
    assert first.fingerprint == again.fingerprint
    assert len(first.fingerprint.split(":")) == 32
    for path in (first.key, first.certificate):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_it_names_the_machine(tmp_path: Path) -> None:
    made = own(tmp_path, frozenset({"manager", "10.0.0.1", "::1"}), NOW)
    certificate = x509.load_pem_x509_certificate(made.certificate.read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["manager"]
    assert {str(ip) for ip in names.get_values_for_type(x509.IPAddress)} == {"10.0.0.1", "::1"}


def test_it_is_made_anew_before_it_is_over(tmp_path: Path) -> None:
    first = own(tmp_path, frozenset({"m"}), NOW).fingerprint
    later = own(tmp_path, frozenset({"m"}), NOW + 800 * DAY)
    assert later.fingerprint != first
    end = x509.load_pem_x509_certificate(later.certificate.read_bytes()).not_valid_after_utc
    assert end > datetime.datetime.fromtimestamp(NOW + 1000 * DAY, datetime.UTC)
