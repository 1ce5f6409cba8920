"""Running the web server: `trainer serve` and `trainer demo` alike."""

import gc
import os
import resource
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

# Open live streams would hold a stop for ever; a browser comes back by itself.
STOP_WITHIN_S = 3
# prometheus-client's own name for the folder in which processes keep their counts together
SHARED_COUNTS = "PROMETHEUS_MULTIPROC_DIR"


def raise_file_limit() -> None:
    """Every open tab holds a live stream: allow as many files as the system lets us."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def serve(
    app: Any, *, trusted_proxies: str = "127.0.0.1", workers: int | None = None, **options: Any
) -> None:
    """Serves an app (or the name of its factory) until the process is told to stop.

    `trusted_proxies`: whose X-Forwarded-For and X-Forwarded-Proto are believed: addresses and networks with commas
    between, or `*`. Whoever else sends them is not believed.
    """
    raise_file_limit()
    gc.freeze()  # what was imported stays: no collection need look at it again
    with _shared_counts(workers or 1):
        uvicorn.run(
            app,
            timeout_graceful_shutdown=STOP_WITHIN_S,
            log_config=None,
            access_log=False,
            server_header=False,
            forwarded_allow_ips=trusted_proxies,
            workers=workers,
            **options,
        )


@contextmanager
def _shared_counts(processes: int) -> Iterator[None]:
    """Several processes: any of them answers `/metrics` for all."""
    if processes == 1:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="encore-metrics-") as folder:
        os.environ[SHARED_COUNTS] = folder
        yield
