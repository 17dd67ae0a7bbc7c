import pytest
from litestar.datastructures import Headers

from anypool.api.origin import check_host, check_origin, proves_own_page
from anypool.errors import Denied

NAMES = frozenset({"localhost", "manager"})


@pytest.mark.parametrize(
    "host", ["localhost", "LocalHost:80", "manager:8420", "10.0.0.1", "[::1]:8420", "127.0.0.1:1"]
)
def test_hosts_that_are_ours(host: str) -> None:
    check_host(Headers({"host": host}), NAMES)


@pytest.mark.parametrize("host", ["", "evil.example", "localhost.evil.example", "127.0.0.1.x:80"])
def test_hosts_that_are_not(host: str) -> None:
    with pytest.raises(Denied):
        check_host(Headers({"host": host}), NAMES)


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "https://["},
        {"origin": "http://manager:80"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "http://manager:8420", "sec-fetch-site": "cross-site"},
    ],
)
def test_other_sites(headers: dict[str, str]) -> None:
    with pytest.raises(Denied):
        check_origin(Headers({"host": "manager:8420", **headers}))


@pytest.mark.parametrize(
    "headers",
    [{}, {"origin": "http://manager:8420"}, {"sec-fetch-site": "same-origin"}],
)
def test_our_own_page_and_programs(headers: dict[str, str]) -> None:
    check_origin(Headers({"host": "manager:8420", **headers}))
    assert proves_own_page(Headers({"host": "manager:8420", **headers})) == ("origin" in headers)
