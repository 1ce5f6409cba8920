"""Somebody is erased or leaves while another change of theirs is under way: what was read before does not come back.

What was read is handed to the change a second time where both engines are to tell the same: on SQLite nobody erases
between a transaction's reading and its writing.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import UUID

import pytest

from tests.factories import PASSWORD, a_person, viewer_for
from tests.waiting import until
from trainer import db
from trainer.people import cards, links, queries, service, signing_in, tokens
from trainer.people.erasing import erase_person
from trainer.people.service import PersonView, deactivate_person, get_person, people_by_ids
from trainer.people.sessions import Sessions
from trainer.people.tables import Link, Person, Session, Token
from trainer.problems import Gone, Invalid, NotFound, PreconditionFailed, Unauthenticated


@pytest.fixture
async def boss(database: str) -> Any:
    return viewer_for(await a_person("admin"))


def read_before(monkeypatch: pytest.MonkeyPatch, room: Any, person: PersonView) -> None:
    """The first reading of this room is what was there before; later ones are real."""
    once = iter([person])

    async def read(wanted: UUID) -> PersonView:
        return next(once, None) or await get_person(wanted)

    monkeypatch.setattr(room, "get_person", read)


async def test_who_saves_beside_an_erasure_brings_nothing_back(
    boss: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = await a_person(name="Amara Nwosu")
    await erase_person(boss, gone.id, "Amara Nwosu")
    read_before(monkeypatch, service, gone)
    with pytest.raises(NotFound):
        await service.edit_person(viewer_for(gone), gone.id, {"name": "Amara N. Nwosu"})
    assert (await get_person(gone.id)).name == ""


async def test_who_saves_beside_another_change_is_told_to_look_again(
    boss: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = await a_person(name="Amara Nwosu")
    await service.edit_person(boss, here.id, {"name": "Amara N. Nwosu"})
    read_before(monkeypatch, service, here)
    with pytest.raises(PreconditionFailed):
        await service.edit_person(boss, here.id, {"name": "Amara"})


async def test_an_erasure_counts_as_a_change(boss: Any) -> None:
    gone = await a_person(name="Amara Nwosu")
    await erase_person(boss, gone.id, "Amara Nwosu")
    assert (await get_person(gone.id)).revision == gone.revision + 1


class TestAtTheSameMoment:
    """Two transactions, of which the first has read and not written yet."""

    @pytest.fixture(params=["postgres"])
    def engine(self, request: pytest.FixtureRequest) -> str:
        """On SQLite the second does not begin before the first has ended."""
        from tests.conftest import ENGINES

        if request.param not in ENGINES:
            pytest.skip(f"TRAINER_TEST_ENGINES leaves out {request.param}")
        return str(request.param)

    async def test_a_name_saved_beside_an_erasure(self, boss: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        gone = await a_person(name="Amara Nwosu")
        read, erased = asyncio.Event(), asyncio.Event()

        async def check(person: UUID, fields: Any) -> None:
            read.set()
            await erased.wait()

        monkeypatch.setattr(service, "check_relations", check)
        edit = asyncio.create_task(
            service.edit_person(viewer_for(gone), gone.id, {"name": "Amara N. Nwosu", "birthday": "03-08"})
        )
        await read.wait()
        await erase_person(boss, gone.id, "Amara Nwosu")
        erased.set()
        with pytest.raises(NotFound):
            await edit
        after = await get_person(gone.id)
        assert (after.name, after.birthday) == ("", None)

    async def test_a_buddy_chosen_beside_their_erasure(
        self, boss: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        gone, here = await a_person(name="Amara Nwosu"), await a_person()
        read, go = asyncio.Event(), asyncio.Event()
        real: Callable[[list[UUID]], Awaitable[Any]] = queries.persons

        async def persons(ids: list[UUID]) -> Any:
            found = await real(ids)
            if ids == [gone.id]:
                read.set()
                await go.wait()
            return found

        monkeypatch.setattr(queries, "persons", persons)
        edit = asyncio.create_task(service.edit_person(boss, here.id, {"buddy": gone.id}))
        await read.wait()
        monkeypatch.setattr(queries, "persons", real)
        erasing = asyncio.create_task(erase_person(boss, gone.id, "Amara Nwosu"))

        async def erased_or_waiting() -> bool:
            waiting = await db.fetch(
                """SELECT pid FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
                   WHERE NOT granted AND datname = current_database()"""
            )
            return erasing.done() or bool(waiting)

        await until(erased_or_waiting)
        go.set()
        await asyncio.gather(edit, erasing)
        assert (await get_person(here.id)).buddy is None


# What would let somebody in


async def erase_meanwhile(
    monkeypatch: pytest.MonkeyPatch, room: Any, end: Callable[[], Awaitable[Any]]
) -> None:
    """Ends somebody's access while their new password is hashed, which takes a while."""
    hashing = room.hash_password

    async def slowly(password: str) -> str:
        await end()
        return str(await hashing(password))

    monkeypatch.setattr(room, "hash_password", slowly)


NEW = "lantern over the harbour"


@pytest.mark.parametrize("how", ["erased", "deactivated"])
async def test_a_password_changed_beside_the_end_of_an_access_opens_nothing(
    boss: Any, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    gone = await a_person(name="Amara Nwosu", password=PASSWORD)
    ends = {
        "erased": lambda: erase_person(boss, gone.id, "Amara Nwosu"),
        "deactivated": lambda: deactivate_person(boss, gone.id),
    }
    await erase_meanwhile(monkeypatch, signing_in, ends[how])
    change = signing_in.change_password(
        Sessions(14), viewer_for(gone), PASSWORD, NEW, origin="192.0.2.1", device="Firefox"
    )
    with pytest.raises(Unauthenticated):
        await change
    assert await Session.count() == 0
    row = await Person.select(Person.password_hash).where(Person.id == gone.id).first()
    assert row is not None
    assert how == "deactivated" or row["password_hash"] is None


async def test_a_password_that_a_link_changed_meanwhile_is_not_changed_back(
    boss: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    mina = await a_person(password=PASSWORD)
    reset = Person.update({Person.password_hash: "reset"}).where(Person.id == mina.id)
    await erase_meanwhile(monkeypatch, signing_in, reset.run)
    with pytest.raises(Invalid, match="present password"):
        await signing_in.change_password(
            Sessions(14), viewer_for(mina), PASSWORD, NEW, origin="192.0.2.1", device=""
        )
    assert await Person.exists().where((Person.id == mina.id) & (Person.password_hash == "reset"))


async def test_a_link_followed_beside_an_erasure_leads_nowhere(
    boss: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = await a_person(name="Amara Nwosu")
    secret = await links.issue_link(None, gone.id)
    await erase_meanwhile(monkeypatch, links, lambda: erase_person(boss, gone.id, "Amara Nwosu"))
    with pytest.raises(Gone):
        await links.set_password_by_link(secret, NEW)
    assert not (await get_person(gone.id)).has_password


async def test_nobody_who_left_is_signed_in(boss: Any) -> None:
    gone = await a_person(name="Amara Nwosu")
    await erase_person(boss, gone.id, "Amara Nwosu")
    with pytest.raises(Unauthenticated):
        await Sessions(14).start(gone.id, device="Firefox")
    assert await Session.count() == 0


async def test_links_cards_and_tokens_are_not_made_beside_an_erasure(
    boss: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = await a_person(name="Amara Nwosu")
    await erase_person(boss, gone.id, "Amara Nwosu")

    async def as_before(ids: Sequence[UUID]) -> dict[UUID, PersonView]:
        return await people_by_ids(ids) | {gone.id: gone}

    monkeypatch.setattr(cards, "people_by_ids", as_before)
    makers: list[Callable[[], Awaitable[Any]]] = [
        lambda: links.issue_link(boss, gone.id),
        lambda: links.link_to_mail(gone.id),
        lambda: cards.issue_cards(boss, [gone.id]),
        lambda: tokens.create_token(viewer_for(gone), gone.id, name="sheet", scopes=["people:read"]),
    ]
    for make in makers:
        read_before(monkeypatch, links, gone)
        with pytest.raises(NotFound):
            await make()
    assert await Link.count() == 0
    assert await Token.count() == 0
