"""A process that is killed while a call expires: `python -m tests.clips.keeping.victim DATABASE DATA RECORDING MOMENT`.

It dies once the call is noted as expired and before it is decided what of it lives on.
"""

import asyncio
import os
import signal
import sys
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn
from uuid import UUID

from trainer import app as wiring
from trainer import db, storage
from trainer.calls import keeping


async def die(*given: Any, **named: Any) -> NoReturn:
    """As the kernel would."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("still alive")


async def main(database: str, data: str, recording: str, moment: str) -> None:
    """Goes as far as that."""
    assert wiring.PAGES
    await db.open_database(database)
    storage.open_storage(str(Path(data) / "objects"))
    keeping.let_go = die
    await keeping.expire(UUID(recording), datetime.fromisoformat(moment))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
