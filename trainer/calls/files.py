"""Words as a download: which kind of file an address asks for, and an answer that no browser takes for a page."""

from typing import Any

from litestar import Response
from litestar.connection import Request

from trainer.calls.captions import FORMATS, Format


def format_of(request: Request[Any, Any, Any]) -> Format:
    """The kind of file that an address ends with."""
    return FORMATS[request.url.path.rpartition(".")[2]]


def as_file(kind: Format, text: str, name: str) -> Response[str]:
    """A download named `name`."""
    headers = {
        "Content-Disposition": f'attachment; filename="{name}.{kind.suffix}"',
        "Cache-Control": "no-store",
    }
    return Response(text, media_type=kind.content_type, headers=headers)
