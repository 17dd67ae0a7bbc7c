"""Consoles of a real guest through the manager's API, as the command line opens them."""

from collections.abc import Iterator
from contextlib import AbstractContextManager

import pytest

from anypool.cli.contexts import Context
from anypool.cli.wires import Wire, open_wire
from anypool.errors import Conflict
from tests.lab.conftest import wait_until
from tests.lab.full_stack import Stack, all_connected, heal

pytest_plugins = ["tests.lab.full_stack"]
pytestmark = [pytest.mark.lab, pytest.mark.timeout(240)]

NAME = "talker"


class _Enough(Exception):
    """What was waited for was heard."""


@pytest.fixture
def talker(stack: Stack) -> Iterator[Stack]:
    heal(stack.lab)
    if not stack.is_up:
        stack.start()
    wait_until(lambda: all_connected(stack), "the manager reaches all hosts", timeout_s=90)
    stack.make(NAME, "h1")
    yield stack
    stack.forget(NAME)


def opened(stack: Stack, kind: str) -> AbstractContextManager[Wire]:
    context = Context(url=stack.manager.url, token=stack._context.token)
    return open_wire(stack.client, context, NAME, kind)


def hear(wire: Wire, words: bytes) -> None:
    said = b""

    def take(more: bytes) -> None:
        nonlocal said
        said += more
        if words in said:
            raise _Enough

    try:
        wire.hand_on(take)
    except _Enough:
        return
    raise AssertionError(f"the console ended after {said!r}")


def test_a_serial_console_is_opened_again_where_its_guest_went(talker: Stack) -> None:
    with opened(talker, "serial") as wire:
        hear(wire, b"tick ")
        wire.send(b"anybody there\r")
        hear(wire, b"anybody there")
        talker.do(f"/vms/{NAME}/migrate", {"host": "h2"})
        wire.hand_on(len)
    with opened(talker, "serial") as wire:
        hear(wire, b"tick ")
        talker.do(f"/vms/{NAME}/power-off")
        wire.hand_on(len)
    with pytest.raises(Conflict), opened(talker, "serial"):
        pass


def test_the_screen(talker: Stack) -> None:
    with opened(talker, "vnc") as wire:
        hear(wire, b"RFB 003.008\n")
