"""The threads that requests are answered on."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from litestar.concurrency import get_asyncio_executor, set_asyncio_executor

AT_ONCE = min(32, (os.cpu_count() or 1) + 4)


@contextmanager
def answering() -> Iterator[None]:
    """Have requests answered on threads that the end of the server does not wait for.

    One that plans for long would else keep a manager that is told to stop, and it would lead on.
    """
    threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="answer")
    set_asyncio_executor(threads)
    try:
        yield
    finally:
        if get_asyncio_executor() is threads:
            set_asyncio_executor(None)
        threads.shutdown(wait=False, cancel_futures=True)
