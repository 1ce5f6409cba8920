"""A second web process: `python -m tests.quality.releaser DATABASE EVALUATION PERSON` releases when told a line.

Prints `released`, or the slug of the refusal.
"""

import asyncio
import sys
from uuid import UUID

from tests.factories import viewer_for
from trainer import app as wiring
from trainer import db
from trainer.people.service import get_person
from trainer.problems import Problem
from trainer.quality import judging


async def main(database: str, evaluation: str, person: str) -> None:
    """Waits for the line, then releases."""
    assert wiring.PAGES
    await db.open_database(database)
    viewer = viewer_for(await get_person(UUID(person)))
    print("ready", flush=True)
    sys.stdin.readline()
    try:
        print((await judging.release(viewer, UUID(evaluation))).state)
    except Problem as refusal:
        print(refusal.name)
    await db.close_database()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
