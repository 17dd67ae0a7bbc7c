"""Who asks for an IPv6 router at a boot host, and what is answered."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anypool.boothost.advertising import ADVERTISEMENT, NOBODY, SOLICITATION, Advertiser, asking

MAC, LINK = "02:00:77:00:00:01", "fe80::77ff:fe00:1"
ASKS = bytes([SOLICITATION, 0]) + bytes(6)
SAYS_WHO = bytes([1, 1]) + bytes.fromhex(MAC.replace(":", ""))


@pytest.mark.parametrize(
    ("message", "sender", "who"),
    [
        (ASKS + SAYS_WHO, f"{LINK}%eth0", MAC),
        (ASKS + bytes([14, 1, *range(6)]) + SAYS_WHO, "fe80::1", MAC),
        (ASKS, LINK, MAC),
        (ASKS, "fe80::1", ""),
        (ASKS + SAYS_WHO, "2001:db8::1", ""),
        (ASKS + SAYS_WHO, "::", ""),
        (ASKS + bytes([1, 0]) + bytes(6), "fe80::1", ""),
        (bytes([ADVERTISEMENT, 0]) + bytes(6) + SAYS_WHO, LINK, ""),
        (ASKS[:7], LINK, ""),
        (ASKS + SAYS_WHO, "nowhere", ""),
    ],
)
def test_who_asks_is_known_by_its_mac_and_is_on_the_link(
    message: bytes, sender: str, who: str
) -> None:
    assert asking(message, sender) == who


@given(st.binary(max_size=120))
def test_whatever_is_asked_is_a_mac_or_nothing(message: bytes) -> None:
    assert len(asking(message, LINK)) in (0, 17)


def test_the_answer_is_a_router_for_nobody() -> None:
    kind, code, hops, flags, life = NOBODY[0], NOBODY[1], NOBODY[4], NOBODY[5], NOBODY[6:8]
    assert (kind, code, hops, flags, life) == (ADVERTISEMENT, 0, 0, 0, b"\0\0")
    assert len(NOBODY) == 16, "no prefix, no option: no address and no route come of it"


def test_an_interface_that_is_not_there_is_told() -> None:
    with pytest.raises(OSError, match=r"No such device|not permitted"):
        Advertiser("nowhere0", lambda _: True)
