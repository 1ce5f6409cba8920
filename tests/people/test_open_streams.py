"""Who is signed out, leaves or changes team hears no more of what their open pages still follow."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any
from uuid import UUID

import pytest

from tests.factories import PASSWORD, a_person, a_team, viewer_for
from tests.waiting import until
from trainer import db
from trainer.people import links, service, signing_in
from trainer.people.erasing import erase_person
from trainer.people.service import PersonView
from trainer.people.sessions import Sessions, end_all_sessions, end_own_session
from trainer.web.live import Broker, bus_for
from trainer.web.session import Viewer

NEW = "lantern over the harbour"


@pytest.fixture
async def broker(database: str) -> AsyncIterator[Broker]:
    """This process's."""
    made = Broker(bus_for(database))
    await made.start()
    yield made
    await made.stop()


async def follow_reset(who: PersonView) -> None:
    await links.set_password_by_link(await links.issue_link(None, who.id), NEW)


ACTS: dict[str, Callable[[Viewer, PersonView, UUID], Awaitable[Any]]] = {
    "signed out everywhere": lambda boss, who, team: end_all_sessions(who.id),
    "another browser signed out": lambda boss, who, team: end_own_session(viewer_for(who), db.new_id()),
    "deactivated": lambda boss, who, team: service.deactivate_person(boss, who.id),
    "erased": lambda boss, who, team: erase_person(boss, who.id, who.name),
    "another team": lambda boss, who, team: service.edit_person(boss, who.id, {"team": team}),
    "other roles": lambda boss, who, team: service.edit_person(boss, who.id, {"roles": ["trainer"]}),
    "another password": lambda boss, who, team: signing_in.change_password(
        Sessions(14), viewer_for(who), PASSWORD, NEW, origin="192.0.2.1", device=""
    ),
    "a reset": lambda boss, who, team: follow_reset(who),
}


@pytest.mark.parametrize("act", ACTS)
async def test_their_streams_end_and_nobody_elses(broker: Broker, act: str) -> None:
    boss, team = viewer_for(await a_person("admin")), await a_team()
    who = await a_person(name="Amara", team=await a_team(), password=PASSWORD)
    tabs = [broker.subscribe(["feed"], person=who.id) for _tab in range(2)]
    other = broker.subscribe(["feed"], person=(await a_person()).id)
    await ACTS[act](boss, who, team)
    await until(lambda: all(tab.ended for tab in tabs))
    assert [tab.ended for tab in tabs] == ["over", "over"]
    assert other.ended is None


async def test_what_changes_no_rights_or_was_rolled_back_ends_nothing(broker: Broker) -> None:
    boss, team = viewer_for(await a_person("admin")), await a_team()
    amara, bea = await a_person(name="Amara"), await a_person()
    hers, bea_s = (broker.subscribe(["feed"], person=one.id) for one in (amara, bea))
    await service.edit_person(boss, amara.id, {"name": "Amara Nwosu"})
    with suppress(RuntimeError):
        async with db.transaction():
            await service.edit_person(boss, amara.id, {"team": team})
            raise RuntimeError
    await service.edit_person(boss, bea.id, {"team": team})
    await until(lambda: bea_s.ended)  # hints keep their order: what was said of Amara before would have come
    assert hers.ended is None


class TestInEveryProcess:
    @pytest.fixture(params=["postgres"])
    def engine(self, request: pytest.FixtureRequest) -> str:
        """On SQLite no process hears of another."""
        from tests.conftest import ENGINES

        if request.param not in ENGINES:
            pytest.skip(f"TRAINER_TEST_ENGINES leaves out {request.param}")
        return str(request.param)

    async def test_a_worker_without_streams_ends_those_of_all_servers(self, database: str) -> None:
        """Such as one that takes in a list of people."""
        servers = [Broker(), Broker()]
        buses = [bus_for(database) for _server in servers]
        for server, bus in zip(servers, buses, strict=True):  # not started: this process is none of them
            await bus.start(server.deliver, lambda: None)
        boss, who = viewer_for(await a_person("admin")), await a_person()
        streams = [server.subscribe(["feed"], person=who.id) for server in servers]
        await service.edit_person(boss, who.id, {"team": await a_team()})
        await until(lambda: all(stream.ended for stream in streams))
        for bus in buses:
            await bus.stop()
