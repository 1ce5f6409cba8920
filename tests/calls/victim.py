"""A process that is killed at the worst moment: `python -m tests.calls.victim STEP DATABASE DATA FILE_OR_ID`.

`receive` dies after the file is stored and before its row is committed, `erase` after the row says erased and
before the file is gone.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any, NoReturn
from uuid import UUID

from trainer import app as wiring
from trainer import db, storage
from trainer.calls import jobs, service
from trainer.calls.service import RecordingFields


async def die(*given: Any, **named: Any) -> NoReturn:
    """As the kernel would."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("still alive")


async def main(step: str, database: str, data: str, about: str) -> None:
    """Goes as far as the step."""
    assert wiring.PAGES
    await db.open_database(database)
    storage.open_storage(str(Path(data) / "objects"))
    if step == "receive":
        service.record_audit = die  # type: ignore[assignment]
        await service.receive_recording(None, Path(about), RecordingFields(consent_basis="contract"))
    else:
        jobs._remove = die  # type: ignore[assignment]
        await jobs.erase(UUID(about), None, "Asked")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
