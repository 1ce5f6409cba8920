"""The log of who heard which whole call: admins read and export it, agents see it of their own calls."""

from datetime import timedelta

import httpx
import pytest

from tests.calls.conftest import ROLES, CallMaker, Cast
from tests.web_fixtures import SignIn
from trainer import db
from trainer.calls import hearings, service
from trainer.problems import Forbidden


@pytest.mark.parametrize("role", ROLES)
async def test_the_log_is_for_admins(
    cast: Cast, client: httpx.AsyncClient, sign_in: SignIn, role: str
) -> None:
    await sign_in(client, getattr(cast, role))
    expected = 200 if role == "admin" else 403
    assert (await client.get("/calls/plays")).status_code == expected
    assert (await client.get("/calls/plays.csv")).status_code == expected
    if role != "admin":
        with pytest.raises(Forbidden):
            await hearings.plays_log(cast.viewer(role), hearings.PlaySearch())


async def test_it_is_narrowed_by_person_call_and_day_and_exported(
    a_call: CallMaker, cast: Cast, client: httpx.AsyncClient, sign_in: SignIn
) -> None:
    first, second = await a_call(title="=First"), await a_call(title="Second")
    for who, call in (("trainer", first), ("trainer", second), ("qa_analyst", second)):
        await sign_in(client, getattr(cast, who))
        assert (await client.get(f"/calls/{call}/audio")).status_code == 200
    admin = cast.viewer("admin")

    async def found(**wanted: object) -> list[tuple[str | None, str]]:
        log = await hearings.plays_log(admin, hearings.PlaySearch(**wanted))  # type: ignore[arg-type]
        return [(play.name, play.title) for play in log]

    assert len(await found()) == 3
    assert await found(person=cast.qa_analyst.id) == [("Zhou Min", "Second")]
    assert await found(recording=first) == [("Rosa Lind", "=First")]
    today = db.utc_now().date()
    assert len(await found(since=today, until=today)) == 3
    assert await found(until=today - timedelta(days=1)) == []
    await sign_in(client, cast.admin)
    page = await client.get(f"/calls/plays?call={first}")
    assert "=First" in page.text
    assert "Second" not in page.text.partition("play-results")[2]
    table = (await client.get("/calls/plays.csv")).text
    assert "'=First" in table  # no formula for a spreadsheet program
    assert table.count("Rosa Lind") == 2


async def test_an_agent_sees_who_heard_their_calls_and_an_erased_call_keeps_the_line_alone(
    a_call: CallMaker, cast: Cast, client: httpx.AsyncClient, sign_in: SignIn
) -> None:
    call = await a_call()
    await sign_in(client, cast.trainer)
    await client.get(f"/calls/{call}/audio")
    await sign_in(client, cast.agent)
    assert "Rosa Lind" in (await client.get("/my-voice")).text
    assert await hearings.plays_of_my_calls(cast.viewer("team_lead")) == []
    await service.erase_recording(cast.viewer("admin"), call, "Asked for")
    (line,) = await hearings.plays_log(cast.viewer("admin"), hearings.PlaySearch())
    assert (line.title, line.agent_name, line.name) == ("", None, "Rosa Lind")
    await sign_in(client, cast.admin)
    assert "An erased call" in (await client.get("/calls/plays")).text
