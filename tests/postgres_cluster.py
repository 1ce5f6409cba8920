"""A private PostgreSQL server for a test run: in a temporary folder, on a free port, gone afterwards."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

NOBODY = 65534
PREFIX = "encore-postgres-"


def with_database(url: str, name: str) -> str:
    """The same server, another database."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def binaries() -> Path | None:
    """The folder with initdb and pg_ctl: the newest of Debian's, or where PATH finds them."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    if debian:
        return debian[-1].parent
    found = shutil.which("initdb")
    return Path(found).resolve().parent if found else None


def _prefix() -> list[str] | None:
    """What to put before a command: PostgreSQL refuses to run as root and must not outlive the tests.

    None where that is not possible.
    """
    setpriv = shutil.which("setpriv")
    if os.geteuid() != 0:
        return [setpriv, "--pdeathsig", "INT"] if setpriv else []
    if setpriv is None:
        return None
    nobody = [f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    return [setpriv, *nobody, "--pdeathsig", "INT"]


def missing() -> str | None:
    """Why there can be no server here, in words; None when there can."""
    try:
        import asyncpg  # noqa: F401
    except ImportError:
        return "asyncpg is not installed"
    if binaries() is None:
        return "PostgreSQL is not installed"
    if _prefix() is None:
        return "PostgreSQL does not run as root and setpriv is not installed"
    return None


class Cluster:
    """One server. `remove` ends it and deletes its files."""

    def __init__(self) -> None:
        found, prefix = binaries(), _prefix()
        assert found is not None
        assert prefix is not None
        self._binaries, self._prefix = found, prefix
        # not below pytest's own folder: that is closed to the user that the server runs as
        where = _quick_folder()
        _sweep(Path(where or tempfile.gettempdir()))
        self._folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=where))
        if os.geteuid() == 0:
            os.chown(self._folder, NOBODY, NOBODY)
        self._log = self._folder / "server.log"
        self._server: subprocess.Popen[bytes] | None = None
        self.port = _free_port()
        self.url = f"postgresql://encore@127.0.0.1:{self.port}/postgres"
        command = self._command(
            "initdb", "--no-sync", "-A", "trust", "-E", "UTF8", "--locale=C", "-U", "encore"
        )
        subprocess.run(command, cwd="/", stdin=subprocess.DEVNULL, capture_output=True, check=True)

    def start(self) -> None:
        """Start it (again) and wait until it answers."""
        settings = {
            "port": self.port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "fsync": "off",
            "synchronous_commit": "off",
            "full_page_writes": "off",
            "shared_buffers": "32MB",
            "max_connections": "60",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with self._log.open("ab") as log:
            self._server = subprocess.Popen(
                self._command("postgres", *options), cwd="/", stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        ready = [self._binaries / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        until = time.monotonic() + 120
        while subprocess.run(ready).returncode != 0:
            if self._server.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"PostgreSQL did not start: {self._log.read_text()[-2000:]}")
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop it without waiting for its clients; what was committed is kept."""
        self._end(signal.SIGINT)

    def _end(self, how: signal.Signals) -> None:
        if self._server is not None:
            self._server.send_signal(how)
            self._server.wait()
            self._server = None

    def remove(self) -> None:
        """The end of it."""
        self._end(signal.SIGQUIT)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _command(self, program: str, *arguments: str) -> list[str]:
        return [*self._prefix, str(self._binaries / program), "-D", str(self._folder / "data"), *arguments]


def _quick_folder() -> str | None:
    """Memory if there is plenty of it: copying the template then takes 20 ms and not half a second."""
    memory = Path("/dev/shm")
    return str(memory) if memory.is_dir() and shutil.disk_usage(memory).free > 2**30 else None


def _sweep(where: Path) -> None:
    """Remove what killed test runs left, as it may lie in memory."""
    if not Path("/proc/self").exists():
        return
    for folder in where.glob(f"{PREFIX}*"):
        pid = folder.name.removeprefix(PREFIX).partition("-")[0]
        if not (pid.isdigit() and Path(f"/proc/{pid}").exists()):
            shutil.rmtree(folder, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
