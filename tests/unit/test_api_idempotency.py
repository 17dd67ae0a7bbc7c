"""An idempotency key is settled before the client has the answer, so that it may ask again."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from anypool.api.gate import Caller
from anypool.api.idempotency import Replay
from anypool.service import Principal
from anypool.store.records import Role, StoredResponse

ADA = Principal(name="ada", role=Role.OPERATOR)


class Once:
    """Notes what is done with a key, in one list with what is sent."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.broken = False

    def begin(self, by: Principal, key: str, request_hash: str) -> None:
        self.seen.append("begin")

    def finish(self, by: Principal, key: str, response: StoredResponse) -> None:
        self.seen.append(f"finish {response.status} {response.body.decode()}")
        if self.broken:
            raise RuntimeError("the disk is full")

    def undo(self, by: Principal, key: str) -> None:
        self.seen.append("undo")


def asked(once: Once, status: int, *bodies: bytes) -> list[str]:
    """Send a request that is answered with a status and some bodies; return all in order."""
    scope: Any = {
        "type": "http", "method": "POST", "path": "/vms", "query_string": b"",
        "headers": [(b"idempotency-key", b"k")], "user": Caller(ADA, lambda: ADA, ""),
        "route_handler": SimpleNamespace(opt={}), "state": {},
    }  # fmt: skip

    async def receive() -> Any:
        return {"type": "http.request", "body": b"{}", "more_body": False}

    async def send(message: Any) -> None:
        once.seen.append(message["type"].removeprefix("http.response."))

    async def answer(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": status, "headers": []})
        for number, body in enumerate(bodies, start=1):
            more = number < len(bodies)
            await send({"type": "http.response.body", "body": body, "more_body": more})

    replay = Replay(SimpleNamespace(once=once))  # type: ignore[arg-type]
    asyncio.run(replay.handle(scope, receive, send, answer))
    return once.seen


def test_a_refused_request_is_forgotten_before_its_answer_is_sent() -> None:
    assert asked(Once(), 404, b"no") == ["begin", "undo", "start", "body"]


def test_a_success_is_kept_before_its_answer_is_sent() -> None:
    assert asked(Once(), 202, b"yes") == ["begin", "finish 202 yes", "start", "body"]


def test_the_last_part_of_a_long_answer_waits() -> None:
    seen = asked(Once(), 200, b"a", b"b")
    assert seen == ["begin", "start", "body", "finish 200 ab", "body"]


def test_what_nobody_knows_stays_open() -> None:
    assert asked(Once(), 504, b"?") == ["begin", "start", "body"]


def test_an_answer_that_cannot_be_kept_is_sent_all_the_same() -> None:
    once = Once()
    once.broken = True
    with pytest.raises(RuntimeError):
        asked(once, 202, b"yes")
    assert once.seen == ["begin", "finish 202 yes", "start", "body"]
