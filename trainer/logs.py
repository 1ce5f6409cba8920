"""What the process writes about itself: one line per event and per request, on standard error.

JSON for machines, plain words on a terminal. Tracebacks are written without the values of variables, and without
the messages of exceptions that may quote a value: those hold passwords, names and what callers said.
Invariant: nothing here or in its callers logs a request's body, query, cookie or path.
"""

import logging
import sys
import traceback
from types import TracebackType
from typing import Any

import structlog

_SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
]
# Exceptions whose message is about the program. Others may quote what somebody typed ("Key (email)=(…) exists").
_SPEAKS_OF_CODE: tuple[type[BaseException], ...] = (
    AttributeError,
    ImportError,
    IndexError,
    NameError,
    NotImplementedError,
    OSError,
    RuntimeError,
    TypeError,
)
_MOST_LINKS = 8


def configure_logging() -> None:
    """Sends structlog and the standard library's loggers the same way. The first call counts."""
    if structlog.is_configured():
        return
    terminal = sys.stderr.isatty()
    last: list[Any] = (
        [structlog.dev.ConsoleRenderer(exception_formatter=_print_trace)]
        if terminal
        else [structlog.processors.ExceptionRenderer(trace), structlog.processors.JSONRenderer()]
    )
    structlog.configure(
        processors=[*_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_SHARED,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    for chatty in ("httpx", "asyncio"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]


def trace(exc_info: ExcInfo) -> str:
    """Where it happened, through all causes; what it says only where that cannot be about a person."""
    parts: list[str] = []
    error: BaseException | None = exc_info[1]
    while error is not None and len(parts) < _MOST_LINKS:
        frames = "".join(traceback.format_tb(error.__traceback__))
        parts.append(f"Traceback (most recent call last):\n{frames}{_named(error)}")
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\n\nwhich came of:\n\n".join(parts)


def _named(error: BaseException) -> str:
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    if isinstance(error, _SPEAKS_OF_CODE):
        return f"{name}: {error}"
    return f"{name} (what it says is left out: it may speak of people)" if str(error) else name


def _print_trace(file: Any, exc_info: ExcInfo) -> None:
    file.write("\n" + trace(exc_info))
