"""What something costs, counted and not timed: bytecodes executed and bytes allocated."""

import gc
import sys
import tracemalloc
from collections.abc import Callable
from types import FrameType
from typing import Any, NamedTuple


class Cost(NamedTuple):
    """Bytecodes executed, and the most bytes that were allocated at once meanwhile."""

    operations: int
    peak_bytes: int


def cost(call: Callable[[], object]) -> Cost:
    """Return what a call costs, which is made twice: what loops in C shows in its bytes."""
    return Cost(_operations(call), _peak_bytes(call))


def _operations(call: Callable[[], object]) -> int:
    count = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal count
        frame.f_trace_opcodes = True
        count += event == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(before)
    return count


def _peak_bytes(call: Callable[[], object]) -> int:
    gc.collect()
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
