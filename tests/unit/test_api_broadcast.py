import asyncio
from collections.abc import Awaitable, Callable

import pytest

from anypool.api.broadcast import Broadcast, Mailbox, Numbered
from anypool.engine import Notice
from anypool.engine.observing.board import Board
from anypool.errors import Busy

Talk = Callable[[Board, Broadcast], Awaitable[None]]


def talk(how: Talk) -> None:
    async def run() -> None:
        board = Board()
        broadcast = Broadcast(board.subscribe())
        broadcast.start()
        try:
            await how(board, broadcast)
        finally:
            broadcast.close()

    asyncio.run(run())


async def kinds(mailbox: Mailbox) -> list[tuple[str, str]]:
    return [(item.notice.kind, item.notice.id) for item in await mailbox.get(5)]


def test_a_notice_reaches_every_reader_once_for_each_object() -> None:
    async def how(board: Board, broadcast: Broadcast) -> None:
        mailboxes = [broadcast.open(), broadcast.open()]
        board.tell([Notice("vm", "a"), Notice("vm", "a"), Notice("host", "h")])
        for mailbox in mailboxes:
            assert await kinds(mailbox) == [("vm", "a"), ("host", "h")]

    talk(how)


def test_who_comes_back_in_time_gets_what_was_missed() -> None:
    async def how(board: Board, broadcast: Broadcast) -> None:
        mailbox = broadcast.open()
        board.tell([Notice("vm", "a")])
        (first,) = await mailbox.get(5)
        broadcast.leave(mailbox)
        watcher = broadcast.open()
        board.tell([Notice("vm", "b")])
        await watcher.get(5)
        again = broadcast.open(broadcast.id_of(first.number))
        assert await kinds(again) == [("vm", "b")]

    talk(how)


@pytest.mark.parametrize("last", ["other-1", "x", "-", "1", "deadbeef-99999999999999999999"])
def test_who_comes_back_from_elsewhere_reads_everything_again(last: str) -> None:
    async def how(board: Board, broadcast: Broadcast) -> None:
        assert await kinds(broadcast.open(last)) == [("resync", "")]

    talk(how)


def test_an_id_from_the_future_means_resync() -> None:
    async def how(board: Board, broadcast: Broadcast) -> None:
        assert await kinds(broadcast.open(broadcast.id_of(1000))) == [("resync", "")]

    talk(how)


def test_a_slow_reader_gets_one_resync_instead_of_a_flood() -> None:
    async def how() -> None:
        mailbox = Mailbox(limit=10)
        mailbox.put([Numbered(n, Notice("vm", str(n))) for n in range(11)])
        assert await kinds(mailbox) == [("resync", "")]
        mailbox.put([Numbered(12, Notice("vm", "x"))])
        assert await kinds(mailbox) == [("vm", "x")]

    asyncio.run(how())


def test_readers_that_never_read_cost_no_more_than_a_mailbox() -> None:
    async def how(board: Board, broadcast: Broadcast) -> None:
        sleepers = [broadcast.open() for _ in range(200)]
        watcher = broadcast.open()
        worded: list[int] = []
        words = broadcast._words
        broadcast._words = lambda number, notice: worded.append(number) or words(number, notice)  # type: ignore[func-returns-value,method-assign]
        for begin in range(0, 10_000, 500):
            board.tell([Notice("vm", f"vm{number}") for number in range(begin, begin + 500)])
            assert await watcher.get(5)
        assert all(len(sleeper._waiting) <= 500 for sleeper in sleepers)
        assert len(broadcast._past) <= 2000
        assert len(worded) <= 10_000, "each notice is put into words once, not once a reader"
        for sleeper in sleepers:
            assert ("resync", "") in await kinds(sleeper)

    talk(how)


def test_readers_are_counted() -> None:
    async def how(board: Board, broadcast: Broadcast) -> None:
        for _ in range(256):
            broadcast.open()
        with pytest.raises(Busy):
            broadcast.open()

    talk(how)


def test_closing_wakes_the_readers() -> None:
    async def how(board: Board, broadcast: Broadcast) -> None:
        mailbox = broadcast.open()
        waiting = asyncio.create_task(mailbox.get(30))
        await asyncio.sleep(0)
        broadcast.close()
        assert await asyncio.wait_for(waiting, 5) == []
        assert mailbox.closed

    talk(how)
