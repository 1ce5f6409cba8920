"""Running the web server: `trainer serve` and `trainer demo` alike."""

import resource
from typing import Any

import uvicorn

# Open live streams would hold a stop for ever; a browser comes back by itself.
STOP_WITHIN_S = 3


def raise_file_limit() -> None:
    """Every open tab holds a live stream: allow as many files as the system lets us."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def serve(app: Any, **options: Any) -> None:
    """Serves an app (or the name of its factory) until the process is told to stop."""
    raise_file_limit()
    uvicorn.run(
        app,
        timeout_graceful_shutdown=STOP_WITHIN_S,
        log_config=None,
        access_log=False,
        server_header=False,
        **options,
    )
