"""Addresses, fingerprints and files that are none, wherever people give them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from anypool.cli import tls
from anypool.cli.files import LARGEST_YAML_BYTES, parsed
from anypool.cli.joining import _without_password
from anypool.cli.login import split_link
from anypool.cli.profile import _probe
from anypool.drivers import knocking, registry
from anypool.drivers.redfish.driver import connect
from anypool.engine.hearing.pushes import pushed_to
from anypool.errors import Invalid
from anypool.model import Endpoint, EndpointId, checked_fingerprint, split_address, split_uri
from anypool.service.adoption import endpoint_of

TAKERS: list[tuple[Callable[[str], object], str]] = [
    (split_link, "https"),
    (tls.shown_certificate, "https"),
    (_without_password, "qemu+tcp"),
    (_probe, "http"),
    (registry.detect, "qemu+ssh"),
    (knocking.knock, "redfish"),
    (pushed_to, "https"),
    (split_address, "https"),
    (split_uri, "redfish"),
    (endpoint_of, "redfish"),
]


@pytest.mark.parametrize(("take", "scheme"), TAKERS)
@pytest.mark.parametrize("place", ["[x", "h1:99999", "[::1]:-2", "h1:a"])
def test_an_address_that_is_none_is_refused_with_a_hint(
    take: Callable[[str], object], scheme: str, place: str
) -> None:
    with pytest.raises(Invalid) as refused:
        take(f"{scheme}://{place}")
    assert refused.value.hint


def test_a_bmc_by_a_path_that_is_no_system() -> None:
    endpoint = Endpoint(id=EndpointId("e"), driver="redfish", uri="redfish://h1/foo")
    with pytest.raises(Invalid, match="names no Redfish system"):
        connect(endpoint, "")


def test_a_fingerprint_as_other_programs_print_it() -> None:
    plain = "ab" * 32
    written = ":".join(["AB"] * 32)
    for one in (plain, written, f"SHA256:{written}", plain.upper()):
        assert checked_fingerprint(one) == plain
    assert checked_fingerprint("") == ""
    for one in ("ab", "zz" * 32, "ab" * 20):
        with pytest.raises(Invalid, match="SHA-256"):
            checked_fingerprint(one)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("c.yaml", "- {purpose: x, when: 2026-02-30}"),
        ("c.yaml", "[" * 5_000),
        ("c.yaml", "a: [b"),
        ("c.yaml", "x" * (LARGEST_YAML_BYTES + 1)),
        ("c.json", "[" * 5_000),
        ("c.json", "{"),
        ("c.yaml", "\udce9"),
    ],
)
def test_a_file_that_says_nothing(tmp_path: Path, name: str, text: str) -> None:
    file = tmp_path / name
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(Invalid, match=r"is no|is larger"):
        parsed(file)
    with pytest.raises(Invalid, match="cannot be read"):
        parsed(tmp_path / "none.yaml")
