"""Style sheets, scripts, fonts and icons under one address that changes when any of them does.

`/static/<hash of the whole tree>/…` needs no rewriting of CSS url(), module imports or the icon sprite, and a
browser keeps it for good.
Invariant: an address that is kept never changes its content; only names found in the tree are served.
"""

import asyncio
import gzip
import hashlib
import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from litestar import asgi
from litestar.handlers import ASGIRouteHandler
from litestar.types import Receive, Scope, Send

from trainer.web.guards import public
from trainer.web.headers import takes_gzip

TREES = ("clips", "curricula", "static")
_PACKAGE = Path(__file__).resolve().parent.parent
_KEPT = 1 << 20  # files up to this many bytes stay in memory: what is served is what the hash was made of

# Our own list: systems differ in theirs, and a module that is served as plain text does not run.
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".jpg": "image/jpeg",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".m4a": "audio/mp4",
    ".map": "application/json",
    ".mjs": "text/javascript; charset=utf-8",
    ".mp3": "audio/mpeg",
    ".ogg": "audio/ogg",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    "": "text/plain; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
    ".wav": "audio/wav",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
}
_TEXTUAL = ("text/", "application/json", "application/manifest+json", "image/svg+xml", "application/wasm")

# What a style sheet says to its readers, not to a browser: comments and indentation. Words in quotes stay as they are.
_UNSAID = re.compile(rb"""("[^"\n]*"|'[^'\n]*')|/\*.*?\*/|(?<=\n)[ \t]+""", re.DOTALL)

_FOREVER = b"public, max-age=31536000, immutable"
_ASK_FIRST = b"no-cache"


def find_tree(name: str) -> Path:
    """Where `clips`, `curricula` or `static` lies: inside the installed wheel, or at the top of a checkout.

    Raises FileNotFoundError when the installation lacks it, ValueError for another name.
    """
    if name not in TREES:
        raise ValueError(f"there is no tree {name!r}")
    for place in (_PACKAGE / "_bundled" / name, _PACKAGE.parent / name):
        if place.is_dir():
            return place
    raise FileNotFoundError(f"this installation is incomplete: its folder {name!r} is missing")


@dataclass(slots=True)
class _Asset:
    """One file: where it is, what it is, and its bytes as they are sent (gzipped or not)."""

    path: Path
    etag: str
    content_type: str
    bodies: dict[bool, bytes] = field(default_factory=dict)

    @property
    def textual(self) -> bool:
        return self.content_type.startswith(_TEXTUAL)

    def load(self, compressed: bool) -> bytes:
        """The bytes, gzipped or not; takes a while the first time."""
        body = self.bodies.get(False) or self.path.read_bytes()
        if compressed:
            body = self.bodies[True] = gzip.compress(body, 9, mtime=0)
        return body


class StaticTree:
    """The static files of one folder. With `debug`, a changed file is seen at the next request."""

    def __init__(self, root: Path, *, debug: bool = False) -> None:
        self.root = root
        self.debug = debug
        self._stamp: object = None
        self._scan()

    def url(self, name: str) -> str:
        """The address of a file, as in `url("css/app.css")`. Raises LookupError for an unknown file."""
        self._refresh()
        if name not in self._assets:
            raise LookupError(f"no static file {name!r}")
        return f"/static/{self.hash}/{name}"

    def handler(self) -> ASGIRouteHandler:
        """The route that serves the tree under /static."""

        @asgi("/static", is_mount=True, copy_scope=False, guards=[public])
        async def serve_static(scope: Scope, receive: Receive, send: Send) -> None:
            """A file of the tree: for good under the present hash, else to be asked for again."""
            await self._serve(scope, send)

        return serve_static

    async def _serve(self, scope: Scope, send: Send) -> None:
        self._refresh()
        method = scope["method"]  # type: ignore[typeddict-item]
        _empty, tree_hash, name = f"{scope['path'].rstrip('/')}//".split("/", 2)
        asset = self._assets.get(name.rstrip("/"))
        if asset is None or method not in ("GET", "HEAD"):
            status = 404 if asset is None else 405
            await _answer(
                send, status, [(b"content-type", b"text/plain"), (b"cache-control", b"no-store")], b""
            )
            return
        asked = dict(scope["headers"])
        compressed = asset.textual and takes_gzip(asked.get(b"accept-encoding", b"").decode("latin-1"))
        etag = f'"{asset.etag}{"-gz" if compressed else ""}"'.encode()
        headers = [
            (b"etag", etag),
            # An old page asks by its old address: it gets the present file, but must not keep it there.
            (b"cache-control", _FOREVER if tree_hash == self.hash else _ASK_FIRST),
        ]
        if asset.textual:
            headers.append((b"vary", b"accept-encoding"))
        if etag in asked.get(b"if-none-match", b""):
            await _answer(send, 304, headers)
            return
        body = asset.bodies.get(compressed)
        if body is None:
            body = await asyncio.to_thread(asset.load, compressed)
        headers += [
            (b"content-type", asset.content_type.encode()),
            (b"content-length", str(len(body)).encode()),
        ]
        if compressed:
            headers.append((b"content-encoding", b"gzip"))
        await _answer(send, 200, headers, b"" if method == "HEAD" else body)

    def _refresh(self) -> None:
        if self.debug and self._stamp != _stamp(self.root):
            self._scan()

    def _scan(self) -> None:
        """Reads every file once (about 3 ms a megabyte): its hash is its ETag, all of them name the tree."""
        self._stamp = _stamp(self.root) if self.debug else None
        assets: dict[str, _Asset] = {}
        whole = hashlib.blake2b(digest_size=6)
        for path in sorted(_files(self.root)):
            content = path.read_bytes()
            name = path.relative_to(self.root).as_posix()
            etag = hashlib.blake2b(content, digest_size=8).hexdigest()
            whole.update(f"{name}\0{etag}\0".encode())
            kind = _TYPES.get(path.suffix.lower(), "application/octet-stream")
            asset = assets[name] = _Asset(path, etag, kind)
            if len(content) <= _KEPT:
                asset.bodies[False] = _UNSAID.sub(rb"\1", content) if path.suffix == ".css" else content
        self._assets = assets
        self.hash = whole.hexdigest()


def _files(root: Path) -> list[Path]:
    return [
        Path(folder, name)
        for folder, _folders, names in os.walk(root)
        for name in names
        if not name.startswith(".")
    ]


def _stamp(root: Path) -> object:
    return [(path, (status := path.stat()).st_mtime_ns, status.st_size) for path in _files(root)]


async def _answer(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes = b"") -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
