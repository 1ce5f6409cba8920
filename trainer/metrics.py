"""`/metrics` for Prometheus: what an operator wants to be woken for, and nothing about people.

Counted per process: requests and their time by route, uploads, live streams, trouble with storage. Looked up when
asked: jobs, database, disk, last backup. With `trainer serve --processes N` the processes share their counts
through files (`trainer.serving`), so that any of them answers for all.
Invariant: a label is a route template, a method, a status or a word of ours; never a path, a name or an id.
"""

import asyncio
import hmac
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from litestar import Response, get
from litestar.connection import ASGIConnection, Request
from litestar.handlers import BaseRouteHandler
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from trainer import __version__, db, job_queue, storage
from trainer.backup.making import last_backup
from trainer.problems import Forbidden, Unauthenticated
from trainer.settings import Settings
from trainer.web.i18n import _
from trainer.web.requests import Seen

SHARED = "PROMETHEUS_MULTIPROC_DIR"
PATIENCE_S = 3.0
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class Metrics:
    """The counts of one app."""

    def __init__(self) -> None:
        # with shared files the values live there, and a registry of this process would count them twice
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "encore_requests",
            "Requests answered.",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self._seconds = Histogram(
            "encore_request_seconds",
            "Time to answer, live streams left out.",
            ["method", "route"],
            buckets=BUCKETS,
            registry=self.registry,
        )
        self._uploads = Counter("encore_uploads", "Uploads by outcome.", ["outcome"], registry=self.registry)
        self._uploading = Gauge(
            "encore_uploads_in_progress",
            "Uploads that arrive right now.",
            registry=self.registry,
            multiprocess_mode="livesum",
        )
        self._streams = Gauge(
            "encore_live_streams",
            "Open pages that follow live updates.",
            registry=self.registry,
            multiprocess_mode="livesum",
        )
        self._storage = Counter(
            "encore_storage_errors", "Times that storage failed.", ["reason"], registry=self.registry
        )
        self._known: dict[tuple[str, str, int], tuple[Any, Any]] = {}

    def streams(self, change: int) -> None:
        self._streams.inc(change)

    def uploads(self, change: int) -> None:
        self._uploading.inc(change)

    def answered(self, seen: Seen) -> None:
        key = (seen.method, seen.route, seen.status)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = (
                self._requests.labels(*map(str, key)),
                self._seconds.labels(seen.method, seen.route),
            )
        found[0].inc()
        if not seen.stream:
            found[1].observe(seen.seconds)
        if seen.upload:
            self._uploads.labels(
                "taken" if seen.status < 400 else "refused" if seen.status < 500 else "failed"
            ).inc()

    def storage_failed(self, reason: storage.Reason) -> None:
        """To be put among `storage.watchers`."""
        self._storage.labels(reason).inc()

    def counted(self) -> bytes:
        """The counts, of all processes where they share them."""
        shared = os.environ.get(SHARED)
        if not shared:
            return generate_latest(self.registry)
        _forget_dead_processes(Path(shared))
        registry = CollectorRegistry()
        MultiProcessCollector(registry, path=shared)  # type: ignore[no-untyped-call]
        return generate_latest(registry)


def _forget_dead_processes(folder: Path) -> None:
    """What a process that died had open is open no more."""
    for path in folder.glob("gauge_live*_*.db"):
        pid = path.stem.rpartition("_")[2]
        if pid.isdigit() and not Path(f"/proc/{pid}").exists():
            mark_process_dead(int(pid), str(folder))  # type: ignore[no-untyped-call]


# Looked up when asked


class _Found:
    """Values of this moment, as prometheus-client wants them handed over."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self.metrics = list(metrics)

    def collect(self) -> Iterable[Metric]:
        return self.metrics


async def looked_up(settings: Settings) -> bytes:
    """Jobs, database, storage, disk, backup: as they are now. A part that does not answer is left out."""
    found = [
        _gauge("encore_info", "This version.", ["version", "engine"], [((__version__, db.dialect()), 1)])
    ]
    up = 0
    try:
        async with asyncio.timeout(PATIENCE_S):
            jobs = await job_queue.counts()
            up = 1
        states = [((state,), jobs.by_state.get(state, 0)) for state in ("queued", "running", "failed")]
        found.append(_gauge("encore_jobs", "Background jobs by state.", ["state"], states))
        waited = jobs.oldest_due_s
        found.append(
            _gauge(
                "encore_oldest_due_job_seconds", "For how long the oldest due job waits.", [], [((), waited)]
            )
        )
    except (db.DatabaseError, TimeoutError):
        pass
    found.append(_gauge("encore_database_up", "Whether the database answers.", [], [((), up)]))
    connections = db.database().connections()
    found.append(
        _gauge(
            "encore_database_connections",
            "Connections of this process.",
            ["state"],
            [((state,), number) for state, number in connections.items()],
        )
    )
    free = shutil.disk_usage(settings.data).free
    found.append(_gauge("encore_disk_free_bytes", "Free space where the data folder is.", [], [((), free)]))
    if last := last_backup(settings):
        moment = last["at"].timestamp()
        found.append(
            _gauge(
                "encore_last_backup_timestamp_seconds", "When the last backup was made.", [], [((), moment)]
            )
        )
    registry = CollectorRegistry()
    registry.register(_Found(found))
    return generate_latest(registry)


def _gauge(
    name: str, what: str, labels: list[str], values: Iterable[tuple[tuple[str, ...], float]]
) -> Metric:
    family = GaugeMetricFamily(name, what, labels=labels)
    for names, value in values:
        family.add_metric(list(names), value)
    return family


# The page


def reads_metrics(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Guard: whoever brings TRAINER_METRICS_TOKEN; without that setting, programs on this machine itself.

    A proxy on this machine is such a program too, so a request that came through one is refused.
    """
    token = connection.app.state.settings.metrics_token
    if token:
        given = connection.headers.get("authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
            raise Unauthenticated(_("Metrics are for who brings their token."))
        return
    host = connection.headers.get("host", "").rpartition(":")[0] or connection.headers.get("host", "")
    near = connection.client is not None and connection.client.host in LOOPBACK
    passed_on = any(name.startswith("x-forwarded") or name == "forwarded" for name in connection.headers)
    if not near or passed_on or host.strip("[]") not in LOOPBACK:
        raise Forbidden(_("Metrics are read on the machine itself, or with TRAINER_METRICS_TOKEN."))


@get("/metrics", guards=[reads_metrics], include_in_schema=False)
async def show_metrics(request: Request[Any, Any, Any]) -> Response[bytes]:
    """All metrics in Prometheus' text format."""
    metrics: Metrics = request.app.state.metrics
    body = metrics.counted() + await looked_up(request.app.state.settings)
    return Response(body, headers={"Content-Type": CONTENT_TYPE_LATEST})


routes = [show_metrics]


@contextmanager
def watching(metrics: Metrics) -> Iterator[None]:
    """While the app runs, storage tells of its failures."""
    storage.watchers.append(metrics.storage_failed)
    try:
        yield
    finally:
        storage.watchers.remove(metrics.storage_failed)
