"""What the client does when a connection breaks before there is an answer."""

import httpx
import pytest

from anypool.cli.client import Client
from anypool.errors import OutcomeUnknown, Unreachable


class Breaking:
    """A manager that closes the connection so many times before it answers."""

    def __init__(self, times: int) -> None:
        self.left = times
        self.asked = 0

    def handle(self, _: httpx.Request) -> httpx.Response:
        self.asked += 1
        if self.left:
            self.left -= 1
            raise httpx.RemoteProtocolError("Server disconnected without sending a response.")
        return httpx.Response(200, json={"name": "web"})

    def client(self) -> Client:
        transport = httpx.MockTransport(self.handle)
        return Client(httpx.Client(base_url="http://m", transport=transport))


def test_a_question_is_asked_once_more() -> None:
    manager = Breaking(1)
    assert manager.client().get("/vms/web") == {"name": "web"}
    assert manager.asked == 2
    with pytest.raises(Unreachable, match="broke off"):
        Breaking(2).client().get("/vms/web")


def test_an_order_is_never_sent_twice() -> None:
    manager = Breaking(1)
    with pytest.raises(OutcomeUnknown, match="broke off"):
        manager.client().post("/vms/web/stop")
    assert manager.asked == 1
