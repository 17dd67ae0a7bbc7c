"""What is taken out of a support bundle."""

import time

import pytest

from anypool.service.support.masking import HIDDEN, Mask, Named

NAMES = (
    Named("vm", "web1"), Named("vm", "web1-old"), Named("vm", "data base (old)"),
    Named("host", "h1.example.net"), Named("host", "10.0.0.7"), Named("person", "ada"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("qemu+ssh://root:geheim@h1/system", "qemu+ssh://h1/system"),
        ("cannot reach qemu+tcp://ada@h1/system: no", "cannot reach qemu+tcp://h1/system: no"),
        ("postgresql://a:b@db/x?password=geheim&y=1", f"postgresql://db/x?password={HIDDEN}&y=1"),
        ("http://h:1/login#code=abc-DEF_9 here", f"http://h:1/login#code={HIDDEN} here"),
        ("Authorization: Bearer abcdefgh.ijkl", f"Authorization: Bearer {HIDDEN}"),
        ("token ap_0123456789abcdefABCDEF was", f"token {HIDDEN} was"),
        ("Cookie: anypool_session=xyz; a=b", f"Cookie: anypool_session={HIDDEN}; a=b"),
        ("said: correct horse battery", f"said: {HIDDEN} battery"),
        ("/etc/x@y and ada@h1", "/etc/x@y and ada@h1"),
        ("the password is wrong", "the password is wrong"),
        ("short words stay", "short words stay"),
    ],
)
def test_secrets_and_user_info(text: str, expected: str) -> None:
    assert Mask(("correct horse", "words")).text(text) == expected


def test_what_is_called_like_a_secret_is_hidden_whole() -> None:
    data = {
        "password": "x", "api_key": "y", "options": {"vnc-password": "z", "user": "root"},
        "items": [{"client_secret": "a"}], "tokens": 7, "empty": {"token": ""}, "code": "vm.x",
    }  # fmt: skip
    assert Mask(()).data(data) == {
        "password": HIDDEN, "api_key": HIDDEN, "options": {"vnc-password": HIDDEN, "user": "root"},
        "items": [{"client_secret": HIDDEN}], "tokens": 7, "empty": {"token": ""}, "code": "vm.x",
    }  # fmt: skip


def test_the_same_name_is_the_same_word_everywhere() -> None:
    mask = Mask((), NAMES, b"key")
    web, old = mask.text("web1"), mask.text("web1-old")
    assert web.startswith("vm-")
    assert web != old
    said = "web1: on h1.example.net, disk web1-disk0.qcow2, (web1-old) by ada. data base (old)!"
    shown = mask.text(said)
    assert shown == (
        f"{web}: on {mask.text('h1.example.net')}, disk {web}-disk0.qcow2, ({old}) by "
        f"{mask.text('ada')}. {mask.text('data base (old)')}!"
    )
    assert mask.text("qemu+tcp://10.0.0.7:16509/x") == f"qemu+tcp://{mask.text('10.0.0.7')}:16509/x"
    assert not [one.name for one in NAMES if one.name in shown]
    assert Mask((), NAMES, b"key").text("web1") == web, "also in another bundle"
    assert Mask((), NAMES, b"other").text("web1") != web, "nobody else can find out by trying"
    assert mask.text("web10 webs1 adam") == "web10 webs1 adam"
    assert mask.data({"name": "web1", "web1": 1}) == {"name": web, "web1": 1}


def test_large_pools_take_no_longer() -> None:
    mask = Mask((), [Named("vm", f"vm{number}") for number in range(40_000)], b"key")
    text = " ".join(f"vm{number} is-here" for number in range(40_000))
    begun = time.perf_counter()
    assert "vm39999 " not in mask.text(text)
    assert time.perf_counter() - begun < 5
