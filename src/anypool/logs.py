"""How the manager writes its log: lines for people on a terminal, JSON for machines.

What went wrong is told with its traceback but never with the values of variables:
they may hold passwords and session secrets.
"""

import logging
import sys
from collections import deque
from typing import TextIO

import structlog
from structlog.typing import Processor

from anypool.famine import Quiet

KEPT = 2000
_recent: deque[str] = deque(maxlen=KEPT)


class _Recent(logging.Handler):
    """Keeps the newest lines for a support bundle, wherever the log itself goes."""

    def emit(self, record: logging.LogRecord) -> None:
        _recent.append(self.format(record))


def recent() -> tuple[str, ...]:
    """Return the newest lines of the log, oldest first, each an object of JSON."""
    return tuple(_recent)


def configure(*, stream: TextIO | None = None, json: bool | None = None) -> None:
    """Send everything that is logged to `stream` (standard error), as JSON unless a terminal."""
    out = sys.stderr if stream is None else stream
    as_json = not out.isatty() if json is None else json
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: list[Processor] = [structlog.processors.format_exc_info]
    if as_json:
        last.append(structlog.processors.JSONRenderer())
    else:
        plain = structlog.dev.plain_traceback
        last = [structlog.dev.ConsoleRenderer(colors=out.isatty(), exception_formatter=plain)]
    handler, recent_ = logging.StreamHandler(out), _Recent()
    handler.setFormatter(_formatter(shared, last))
    as_data: list[Processor] = [
        structlog.processors.format_exc_info,
        structlog.processors.JSONRenderer(),
    ]
    recent_.setFormatter(_formatter(shared, as_data))
    root = logging.getLogger()
    root.handlers = [handler, recent_]
    root.setLevel(logging.INFO)
    logging.getLogger("asyncio").filters = [Quiet()]
    for name in ("uvicorn.access", "httpx", "alembic.runtime.migration"):
        logging.getLogger(name).setLevel(logging.WARNING)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def _formatter(before: list[Processor], last: list[Processor]) -> logging.Formatter:
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=before,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
    )


def _as_data() -> list[Processor]:
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
