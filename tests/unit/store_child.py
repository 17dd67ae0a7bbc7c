"""A process that tests may stop, freeze and kill: opens a store and does what its input says."""

import sys

from anypool.clock import SystemClock
from anypool.errors import AnypoolError
from anypool.store import Store, events
from anypool.store.records import EventRecord


def write(store: Store, message: str) -> str:
    with store.writing() as tx:
        return str(events.append(tx, EventRecord(kind="test", message=message)).number)


def begin(store: Store, message: str) -> str:
    """Stay in mid transaction, with more written than the page cache holds."""
    with store.writing() as tx:
        for number in range(3000):
            events.append(tx, EventRecord(kind="test", message=f"{message} {number} " + 2000 * "x"))
        say("begun")
        sys.stdin.readline()
    return "committed"


def take(store: Store, words: str) -> str:
    holder, ttl_s = words.split()
    return str(store.take_lease(holder, float(ttl_s)))


def count(store: Store, _: str) -> str:
    with store.reading() as tx:
        return str(len(events.since(tx, 0, 100_000)))


def say(text: str) -> None:
    print(text, flush=True)


COMMANDS = {"write": write, "begin": begin, "take": take, "count": count}


def main() -> None:
    try:
        store = Store.open(sys.argv[1], clock=SystemClock())
        say("open")
        for line in sys.stdin:
            name, _, rest = line.strip().partition(" ")
            try:
                say(COMMANDS[name](store, rest))
            except AnypoolError as error:
                say(words(error))
    except AnypoolError as error:
        say(words(error))


def words(error: AnypoolError) -> str:
    return f"{type(error).__name__}|{error.message}|{error.hint}"


if __name__ == "__main__":
    main()
