"""`/health` for whatever watches over the process: is it up, does the database answer, is storage there?"""

from typing import Any

from litestar import Response, get

from trainer import db, storage
from trainer.web.guards import public


@get("/health", guards=[public], include_in_schema=False)
async def show_health() -> Response[dict[str, Any]]:
    """200 when all parts answer, 503 when one does not. Names no details: anybody may ask."""
    parts = {"process": "ok", "database": await _database(), "storage": await _storage()}
    well = all(state == "ok" for state in parts.values())
    return Response({"status": "ok" if well else "failing", **parts}, status_code=200 if well else 503)


async def _database() -> str:
    try:
        await db.fetch_one("SELECT 1 AS one")
    except Exception:
        return "failing"
    return "ok"


async def _storage() -> str:
    try:
        await storage.storage().check()
    except storage.StorageError:
        return "failing"
    return "ok"


routes = [show_health]
