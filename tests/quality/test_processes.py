"""Two processes that release at the same moment: one evaluation stands, one fact, one notice."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from tests.counting import count_of
from tests.quality.makers import Cast, a_call, a_draft
from trainer.notices.service import latest
from trainer.quality.tables import Evaluation

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("same_draft", [True, False])
async def test_two_processes_release_at_once(cast: Cast, database_url: str, same_draft: bool) -> None:
    call = await a_call(cast.agent.id)
    first = await a_draft(cast.viewer("analyst"), call)
    second = first if same_draft else await a_draft(cast.viewer("other_analyst"), call)
    who = [cast.analyst, cast.analyst if same_draft else cast.other_analyst]
    processes = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.quality.releaser", database_url, str(draft), str(person.id)),
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for draft, person in zip((first, second), who, strict=True)
    ]
    for process in processes:
        assert process.stdout
        assert await process.stdout.readline() == b"ready\n"
    for process in processes:
        assert process.stdin
        process.stdin.write(b"go\n")
    told = sorted([(await process.communicate())[0].decode().strip() for process in processes])
    assert told in (["already-evaluated", "released"], ["released", "released"])
    assert await Evaluation.count().where(Evaluation.state == "released") == 1
    assert await count_of("evaluation_released") == 1
    assert len(await latest(cast.viewer("agent"))) == 1
