"""Where notifications may go: to no address of this machine or its link, however written."""

import pytest

from anypool.engine.notifying.addresses import ranges, refusal, resolve, split
from anypool.errors import Invalid, Unreachable


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.8.9.1", "0.0.0.0", "169.254.169.254", "224.0.0.1", "255.255.255.255"),
        *("::1", "::", "fe80::1", "fe80::1%eth0", "ff02::1", "::ffff:127.0.0.1", "240.0.0.1"),
        *("::ffff:169.254.169.254", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::"),
    ],
)
def test_an_address_that_nothing_is_sent_to(address: str) -> None:
    assert refusal(address)


@pytest.mark.parametrize("address", ["192.0.2.7", "10.0.0.5", "2001:db8::7", "64:ff9b::5db8:d822"])
def test_an_address_of_somebody_else(address: str) -> None:
    assert not refusal(address)


def test_this_machine_knows_its_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anypool.engine.notifying.addresses._is_own", lambda address: True)
    assert refusal("10.0.0.5") == "an address of this machine"


@pytest.mark.parametrize(
    "name",
    [
        "localhost",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "0",
        "\uff11\uff12\uff17.0.0.1",
    ],
)
def test_every_spelling_of_this_machine(name: str) -> None:
    with pytest.raises((Invalid, Unreachable)):
        resolve(name, 443, ())


def test_one_bad_answer_of_many_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that stands for a good address and for ours would reach ours sooner or later."""
    answers = [(2, 1, 6, "", (one, 443)) for one in ("192.0.2.7", "127.0.0.1")]
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: answers)
    with pytest.raises(Invalid, match=r"hook.example \(127.0.0.1\) is an address of this machine"):
        resolve("hook.example", 443, ())
    assert resolve("hook.example", 443, ranges("127.0.0.0/8")).address == "192.0.2.7"


def test_what_a_setting_allows() -> None:
    assert not refusal("::ffff:127.0.0.1", ranges("127.0.0.1"))
    assert refusal("::1", ranges("127.0.0.0/8, 10.0.0.0/8"))
    with pytest.raises(Invalid, match="notify_allow"):
        ranges("localhost")


@pytest.mark.parametrize(
    ("written", "found"),
    [("mail", ("mail", 25)), ("mail:26", ("mail", 26)), ("[2001:db8::1]", ("2001:db8::1", 25))],
)
def test_servers(written: str, found: tuple[str, int]) -> None:
    assert split(written, 25) == found


@pytest.mark.parametrize("written", ["", ":25", "a b", "mail:0", "mail:99999", "mail:x", "-o:25",
                                     "a\nb:25", "user@mail", "mail/25"])  # fmt: skip
def test_what_is_no_server(written: str) -> None:
    with pytest.raises(Invalid):
        split(written, 25)
