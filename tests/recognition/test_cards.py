"""Cards: who may write for whose day, what stays hidden until it, and all that may happen in between. # 003-23"""

import asyncio
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import httpx
import pytest
from litestar import Litestar

from tests.factories import a_person, a_team, viewer_for
from tests.recognition.conftest import Cast, make_cast
from trainer import db, jobs
from trainer.notices.service import latest
from trainer.people.fields import PersonFields
from trainer.people.service import PersonView, edit_person
from trainer.people.tables import Person
from trainer.problems import Conflict, Forbidden, Invalid, NotFound
from trainer.recognition import asking, card_queries, cards, marking, occasions, posts
from trainer.recognition.cards import Card
from trainer.web.session import Viewer

DAY = datetime(2027, 3, 5, 12, tzinfo=UTC)
OPENED = DAY - timedelta(days=3)
EVE = DAY - timedelta(days=1)
SCOPES = {
    "full_month": "full_month_scope",
    "work_anniversary": "anniversary_scope",
    "birthday": "birthday_scope",
}
NAMES = ("lead", "amara", "priya", "other_lead", "yusuf", "trainer", "analyst", "manager", "admin")
HIDDEN = "Words that nobody may read yet."


async def celebrated(
    cast: Cast, kind: str = "work_anniversary", scope: str = "team", **fields: Any
) -> PersonView:
    """Mia of Harbour, whose day is 5 March 2027."""
    day: dict[str, Any] = {
        "full_month": {"hired_on": date(2027, 2, 5)},
        "work_anniversary": {"hired_on": date(2026, 3, 5)},
        "birthday": {"birthday": "03-05"},
    }[kind]
    mia = await a_person(name="Mia Tan", **{"team": cast.amara.team, **day, **fields})
    await edit_person(viewer_for(mia), mia.id, PersonFields(**{SCOPES[kind]: scope}))  # type: ignore[typeddict-item]
    return mia


async def the_card(person: PersonView) -> UUID:
    """The person's one open card."""
    (row,) = await card_queries.unmarked(person.id)
    return row["id"]


async def may_sign(viewer: Viewer) -> bool:
    """Whether a card is open to them."""
    return any(view.may_sign for view in await occasions.upcoming(viewer))


async def opened(cast: Cast, **of: Any) -> tuple[PersonView, UUID]:
    """Mia and her card, three days ahead."""
    mia = await celebrated(cast, **of)
    await marking.celebrate(OPENED)
    return mia, await the_card(mia)


async def sign(cast: Cast, name: str, card: UUID, words: str = HIDDEN, at: datetime = OPENED) -> None:
    with db.as_of(at):
        await cards.write_line(cast.viewer(name), card, words)


async def heard(person: PersonView, at: datetime = DAY) -> list[str]:
    """The kinds of the person's notices about cards, newest first."""
    with db.as_of(at):
        found = await latest(viewer_for(person))
    return [one.kind for one in found if one.kind.startswith("card")]


async def said_in_post(viewer_name: str, cast: Cast) -> list[list[str]]:
    """The lines on each post that somebody reads."""
    await posts.give_places()
    keys = await posts.feed_keys(cast.viewer(viewer_name), limit=50)
    views = await posts.views_of([key.id for key in keys])
    return [[line.words for line in views[key.id].lines] for key in keys]


# Who may sign, and who knows


@pytest.mark.parametrize("kind", list(SCOPES))
@pytest.mark.parametrize("scope", ["nobody", "team", "everyone"])
async def test_who_may_sign_whose_card(cast: Cast, kind: str, scope: str) -> None:
    mia = await celebrated(cast, kind, scope, buddy=cast.yusuf.id)
    viewers = {name: cast.viewer(name) for name in NAMES} | {"mia": viewer_for(mia)}
    await marking.celebrate(OPENED)
    with db.as_of(OPENED):
        asked = {name for name, viewer in viewers.items() if await may_sign(viewer)}
        told = {name for name, viewer in viewers.items() if await latest(viewer)}
    signers = set() if scope == "nobody" else {"lead", "amara", "priya", "yusuf"}
    assert asked == signers
    assert told == signers
    for row in await card_queries.unmarked(mia.id):
        for name, viewer in viewers.items():
            with db.as_of(OPENED):
                if name in signers:
                    assert (await cards.load_card(viewer, row["id"])).open
                else:
                    with pytest.raises(NotFound):
                        await cards.load_card(viewer, row["id"])
                    with pytest.raises(NotFound):
                        await cards.write_line(viewer, row["id"], "Hello.")


@pytest.mark.parametrize("kind", list(SCOPES))
@pytest.mark.parametrize(
    ("scope", "readers"),
    [("nobody", set()), ("team", {"lead", "amara", "priya", "mia", "admin"}), ("everyone", {*NAMES, "mia"})],
)
async def test_who_reads_the_post_with_its_lines(
    cast: Cast, kind: str, scope: str, readers: set[str]
) -> None:
    mia = await celebrated(cast, kind, scope)
    await marking.celebrate(OPENED)
    if scope != "nobody":
        await sign(cast, "amara", await the_card(mia))
    await marking.celebrate(DAY)
    await posts.give_places()
    viewers = {name: cast.viewer(name) for name in NAMES} | {"mia": viewer_for(mia)}
    seen = {}
    for name, viewer in viewers.items():
        keys = await posts.feed_keys(viewer)
        seen[name] = [line.words for view in (await posts.views_of([key.id for key in keys])).values()
                      for line in view.lines]  # fmt: skip
    assert {name for name, lines in seen.items() if lines} == readers
    listed = (
        readers - {"admin"} if scope == "team" else readers
    )  # an admin moderates, and has no list of people's days
    with db.as_of(DAY):
        for name, viewer in viewers.items():
            found = await occasions.visible_occasions(viewer, DAY.date(), DAY.date(), limit=9)
            own = [view for view in found if view.person == mia.id]
            if name == "mia" and scope == "nobody":
                assert [(view.marked, view.lines) for view in own] == [(False, ())], (
                    "her own calendar, no more"
                )
            else:
                assert [[line.words for line in view.lines] for view in own] == [[HIDDEN]] * (
                    name in listed
                ), name


async def test_what_is_for_nobody_stands_on_nobodys_list_but_ones_own(cast: Cast) -> None:
    mia = await celebrated(cast, scope="nobody")
    with db.as_of(DAY - timedelta(days=5)):
        assert await occasions.upcoming(cast.viewer("lead")) == []
        assert await occasions.upcoming(cast.viewer("amara")) == []
        assert [view.kind for view in await occasions.upcoming(viewer_for(mia))] == ["work_anniversary"]


async def test_the_lead_hears_of_an_opted_in_birthday_a_week_ahead_the_team_when_the_card_opens(
    cast: Cast,
) -> None:
    await celebrated(cast, kind="birthday")
    with db.as_of(DAY - timedelta(days=6)):
        assert len(await occasions.upcoming(cast.viewer("lead"))) == 1
        assert await occasions.upcoming(cast.viewer("amara")) == []
    await marking.celebrate(OPENED)
    with db.as_of(OPENED):
        (view,) = await occasions.upcoming(cast.viewer("amara"))
    assert (view.may_sign, view.signed, view.marked) == (True, False, False)


# Writing


async def test_a_line_is_written_mended_and_taken_back(cast: Cast) -> None:
    _mia, card = await opened(cast)
    amara = cast.viewer("amara")
    with db.as_of(OPENED):
        assert await cards.write_line(amara, card, "  One \n line.  ") is True
        assert await cards.write_line(amara, card, "Another line.") is False
        seen = await cards.load_card(amara, card)
        assert seen.mine is not None
        assert (seen.mine.words, seen.written, seen.may_write) == ("Another line.", 1, True)
        await cards.remove_line(amara, card, seen.mine.id)
        assert (await cards.load_card(amara, card)).mine is None
        assert await cards.write_line(amara, card, "Third try.") is True
    await marking.celebrate(DAY)
    assert await said_in_post("lead", cast) == [["Third try."]]


@pytest.mark.parametrize("words", ["", "   \n ", "x" * 281])
async def test_a_line_has_some_words_and_not_too_many(cast: Cast, words: str) -> None:
    _mia, card = await opened(cast)
    with db.as_of(OPENED), pytest.raises(Invalid):
        await cards.write_line(cast.viewer("amara"), card, words)


async def test_others_lines_are_counted_and_not_shown_before_the_day(cast: Cast) -> None:
    mia, card = await opened(cast)
    await sign(cast, "amara", card)
    with db.as_of(EVE):
        amaras = (await cards.load_card(cast.viewer("amara"), card)).mine
        assert amaras is not None
        for name in ("lead", "priya"):
            seen = await cards.load_card(cast.viewer(name), card)
            assert (seen.written, seen.lines, seen.mine) == (1, (), None)
            with pytest.raises(NotFound):
                await cards.remove_line(cast.viewer(name), card, amaras.id)
        with pytest.raises(NotFound):
            await cards.load_card(cast.viewer("admin"), card)
        with pytest.raises(NotFound):
            await cards.load_card(viewer_for(mia), card)


async def test_from_the_day_on_nothing_new_is_written_and_words_are_mended_for_15_minutes(cast: Cast) -> None:
    _mia, card = await opened(cast)
    late = datetime(2027, 3, 4, 23, 50, tzinfo=UTC)
    await sign(cast, "amara", card, "Clam.", at=late)
    await sign(cast, "priya", card, "Early.", at=OPENED)
    await marking.celebrate(late + timedelta(minutes=11))
    await posts.give_places()
    before = (await posts.feed_keys(cast.viewer("lead")))[0].version
    with db.as_of(late + timedelta(minutes=12)):
        await cards.write_line(cast.viewer("amara"), card, "Calm.")
        assert (await posts.feed_keys(cast.viewer("lead")))[0].version > before, (
            "kept fragments show the old words"
        )
        for name in ("priya", "lead"):
            with pytest.raises(Conflict):
                await cards.write_line(cast.viewer(name), card, "Too late.")
    assert await said_in_post("lead", cast) == [["Early.", "Calm."]]
    with db.as_of(late + timedelta(minutes=16)), pytest.raises(Conflict):
        await cards.write_line(cast.viewer("amara"), card, "Too late.")


async def test_between_midnight_and_the_hourly_look_the_card_is_closed(cast: Cast) -> None:
    mia, card = await opened(cast)
    await sign(cast, "amara", card)
    with db.as_of(datetime(2027, 3, 5, 0, 20, tzinfo=UTC)):
        assert not (await cards.load_card(cast.viewer("lead"), card)).open
        assert not await may_sign(cast.viewer("lead"))
        with pytest.raises(Conflict):
            await cards.write_line(cast.viewer("lead"), card, "Too late.")
        with pytest.raises(NotFound):
            await cards.load_card(viewer_for(mia), card)


async def test_the_card_is_closed_when_the_day_begins_where_the_person_is(cast: Cast) -> None:
    mia = await celebrated(cast, time_zone="Pacific/Kiritimati")
    await marking.celebrate(OPENED)
    card = await the_card(mia)
    evening = datetime(2027, 3, 4, 11, tzinfo=UTC)  # her 5 March, 01:00
    with db.as_of(evening):
        assert not await may_sign(cast.viewer("amara"))
        assert not (await cards.load_card(cast.viewer("amara"), card)).open
        (view,) = await occasions.upcoming(cast.viewer("amara"))
        assert (view.id, view.may_sign) == (None, False)


# Hidden until the day


@pytest.mark.parametrize(
    "zone", ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Asia/Kolkata", "America/Sao_Paulo"]
)
async def test_the_day_begins_where_the_person_is(cast: Cast, zone: str) -> None:
    mia = await celebrated(cast, time_zone=zone)
    start = datetime(2027, 3, 1, tzinfo=UTC)
    opened_at = marked_at = None
    for hour in range(24 * 6):
        now = start + timedelta(hours=hour)
        marked = await marking.celebrate(now)
        if opened_at is None and await card_queries.unmarked(mia.id):
            opened_at = now
        if marked:
            marked_at = now
            break
        with db.as_of(now):
            assert await heard(mia, now) == []
            own = await occasions.visible_occasions(
                viewer_for(mia), date(2027, 3, 5), date(2027, 3, 5), limit=5
            )
            assert [(view.id, view.marked, view.may_sign, view.lines) for view in own] == [
                (None, False, False, ())
            ]
    midnight = datetime(2027, 3, 5, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    assert marked_at is not None
    assert timedelta(0) <= marked_at - midnight < timedelta(hours=1)
    assert opened_at is not None
    assert timedelta(0) <= opened_at - (midnight - timedelta(days=3)) < timedelta(hours=1)


@pytest.fixture
async def here(app: Litestar) -> Cast:
    return await make_cast()


async def test_the_person_finds_no_trace_of_the_card_in_any_channel(
    here: Cast, new_client: Callable[..., Any], sign_in: Any, use_token: Any
) -> None:
    """Pages, API, notices, feed, people search: nothing before the day."""
    now = datetime.now(UTC)
    mia = await a_person(name="Mia Tan", team=here.amara.team, hired_on=(now - timedelta(days=363)).date())
    mia_day = (now + timedelta(days=2)).date()
    hired = date(mia_day.year - 1, mia_day.month, min(mia_day.day, 28))
    await Person.update({Person.hired_on: hired}).where(Person.id == mia.id)
    await marking.celebrate(now)
    card = await the_card(mia)
    async with new_client() as colleague:
        await sign_in(colleague, here.amara)
        answer = await colleague.post(f"/recognition/cards/{card}", data={"words": HIDDEN})
        assert answer.status_code == 303
        assert HIDDEN in (await colleague.get(f"/recognition/cards/{card}")).text
        assert "Your line" in (await colleague.get("/recognition")).text
    async with new_client() as other:
        await sign_in(other, here.priya)
        page = (await other.get(f"/recognition/cards/{card}")).text
        assert HIDDEN not in page
        assert "1 line is on the card." in page
    async with new_client() as browser, new_client() as program:
        await sign_in(browser, mia)
        await use_token(program, mia)
        pages = [
            "/recognition",
            "/recognition/wall",
            "/notices",
            "/welcome/celebrations",
            "/account",
            "/people?q=Mia",
        ]
        for path in pages:
            text = (await browser.get(path)).text
            assert HIDDEN not in text, path
            assert str(card) not in text, path
        assert (await browser.get(f"/recognition/cards/{card}")).status_code == 404
        assert (await browser.post(f"/recognition/cards/{card}", data={"words": "x"})).status_code == 404
        for path in ("/api/v1/occasions", "/api/v1/feed", "/api/v1/notices"):
            text = (await program.get(path)).text
            assert HIDDEN not in text, path
            assert str(card) not in text, path
        (own,) = (await program.get("/api/v1/occasions")).json()["items"]
        assert (own["marked"], own["card"]) == (False, None)
        assert (await program.get(f"/api/v1/occasions/{card}")).status_code == 404
        assert (await program.post(f"/api/v1/occasions/{card}/lines", json={"words": "x"})).status_code == 404


async def test_a_program_signs_and_reads_as_its_person_may(
    here: Cast, client: httpx.AsyncClient, use_token: Any
) -> None:
    mia, card = await opened(here)
    await use_token(client, here.amara, "occasions:write")
    address = f"/api/v1/occasions/{card}"
    with db.as_of(OPENED):
        created = await client.post(f"{address}/lines", json={"words": "Hello."})
        assert (created.status_code, created.headers["location"]) == (201, address)
        assert (await client.post(f"{address}/lines", json={"words": "Hello there."})).status_code == 200
        assert (await client.post(f"{address}/lines", json={"words": ""})).status_code == 422
        body = (await client.get(address)).json()
        listed = (await client.get("/api/v1/occasions")).json()["items"]
        assert [(item["id"], item["card"]) for item in listed] == [
            (str(card), {"open": True, "signed": True, "lines": []})
        ]
        assert body["card"]["open"] is True
        assert [line["words"] for line in body["card"]["lines"]] == ["Hello there."]
        await use_token(client, here.yusuf)
        assert (await client.get(address)).status_code == 404
        await use_token(client, here.lead, "occasions:read")
        assert (await client.post(f"{address}/lines", json={"words": "No."})).status_code == 403
    await marking.celebrate(DAY)
    await posts.give_places()
    await use_token(client, mia, "occasions:write", "feed:read")
    with db.as_of(DAY):
        (item,) = (await client.get(f"/api/v1/occasions?from={DAY.date()}&to={DAY.date()}")).json()["items"]
        assert item["card"]["open"] is False
        (line,) = item["card"]["lines"]
        assert (line["author"]["name"], line["words"]) == ("Amara Okafor", "Hello there.")
        feed = (await client.get("/api/v1/feed")).json()["items"]
        assert feed[0]["occasion"]["lines"] == [line]
        assert (await client.post(f"{address}/lines", json={"words": "Me too."})).status_code == 409
        assert (await client.delete(f"{address}/lines/{line['id']}")).status_code == 204, "it is her card"
        assert (await client.delete(f"{address}/lines/{line['id']}")).status_code == 404


# The day before, and the day


async def test_an_empty_card_is_told_to_the_lead_on_the_day_before_and_the_post_states_the_fact(
    cast: Cast,
) -> None:
    mia, _card = await opened(cast)
    assert await heard(cast.lead) == ["card_open"]
    await marking.celebrate(DAY - timedelta(days=2))
    assert "card_empty" not in await heard(cast.lead)
    await marking.celebrate(EVE)
    await marking.celebrate(EVE + timedelta(hours=1))
    assert sorted(await heard(cast.lead)) == ["card_empty", "card_open"]
    assert await heard(cast.amara) == ["card_open"], "colleagues are not told"
    await marking.celebrate(DAY)
    assert await said_in_post("lead", cast) == [[]]
    assert await heard(cast.lead) + await heard(cast.amara) + await heard(mia) == []


async def test_nobody_is_told_of_a_card_that_somebody_signed(cast: Cast) -> None:
    mia, card = await opened(cast)
    await sign(cast, "amara", card)
    assert await heard(cast.amara) == []
    await marking.celebrate(EVE)
    assert await heard(cast.lead) == ["card_open"]
    assert await heard(cast.amara) == []
    await marking.celebrate(DAY)
    assert await heard(mia) == ["card_written"]
    assert await said_in_post("lead", cast) == [[HIDDEN]]


async def test_a_line_written_after_the_warning_takes_it_back(cast: Cast) -> None:
    _mia, card = await opened(cast)
    await marking.celebrate(EVE)
    await sign(cast, "priya", card, at=EVE)
    assert "card_empty" not in await heard(cast.lead)


async def test_a_card_opened_on_the_day_before_warns_its_lead_at_once(cast: Cast) -> None:
    await celebrated(cast)
    await marking.celebrate(EVE)
    assert await heard(cast.lead) == ["card_empty"]
    assert await heard(cast.amara) == ["card_open"]


async def test_a_leads_own_empty_card_is_told_to_whom_they_report_to(cast: Cast) -> None:
    await Person.update({Person.hired_on: date(2026, 3, 5), Person.manager: cast.manager.id}).where(
        Person.id == cast.lead.id
    )
    await marking.celebrate(EVE)
    assert await heard(cast.manager) == ["card_empty"]
    assert await heard(cast.lead) == []


async def test_whoever_took_a_line_back_is_not_asked_again(cast: Cast) -> None:
    _mia, card = await opened(cast)
    await sign(cast, "amara", card)
    with db.as_of(OPENED):
        mine = (await cards.load_card(cast.viewer("amara"), card)).mine
        assert mine is not None
        await cards.remove_line(cast.viewer("amara"), card, mine.id)
    await marking.celebrate(OPENED + timedelta(hours=1))
    assert await heard(cast.amara) == []
    assert (await db.fetch("SELECT words FROM occasion_line"))[0]["words"] == ""


async def test_a_week_without_the_machine_brings_the_card_once_and_says_which_day_it_was(cast: Cast) -> None:
    _mia, card = await opened(cast)
    await sign(cast, "amara", card)
    back = DAY + timedelta(days=6)
    assert await marking.celebrate(back) == 1
    assert await marking.celebrate(back + timedelta(hours=1)) == 0
    assert await said_in_post("lead", cast) == [[HIDDEN]]
    (row,) = await db.fetch("SELECT params FROM post")
    assert '"late": true' in row["params"]


async def test_words_are_delivered_even_after_two_months_without_the_machine(cast: Cast) -> None:
    _mia, card = await opened(cast)
    await sign(cast, "amara", card)
    empty = await a_person(name="Nia", team=cast.amara.team, hired_on=date(2026, 3, 4))
    await marking.celebrate(OPENED)
    assert await marking.celebrate(DAY + timedelta(days=60)) == 1
    assert await said_in_post("lead", cast) == [[HIDDEN]]
    assert await card_queries.unmarked(empty.id) == [], "an empty one so late is no news"


async def test_two_processes_at_once_open_and_mark_each_card_once(database_url: str) -> None:
    code = (
        "import asyncio, sys\n"
        "from datetime import datetime\n"
        "import trainer.app\n"
        "from trainer import db\n"
        "from trainer.recognition import marking\n"
        "async def main():\n"
        "    await db.open_database(sys.argv[1])\n"
        "    print(await marking.celebrate(datetime.fromisoformat(sys.argv[2])))\n"
        "    await db.close_database()\n"
        "asyncio.run(main())\n"
    )

    async def twice(moment: datetime) -> int:
        running = [
            await asyncio.create_subprocess_exec(
                sys.executable, "-c", code, database_url, moment.isoformat(), stdout=asyncio.subprocess.PIPE
            )
            for _process in range(2)
        ]
        return sum([int((await process.communicate())[0]) for process in running])

    await db.open_database(database_url)
    try:
        team = await a_team()
        lead = await a_person("team_lead", team=team)
        people = [await a_person(team=team, hired_on=date(2026, 3, 5)) for _number in range(6)]
        assert await twice(OPENED) == 0
        rows = await card_queries.unmarked()
        assert len(rows) == 6
        with db.as_of(OPENED):
            for row in rows:
                await cards.write_line(viewer_for(lead), row["id"], "Well met.")
        assert await twice(DAY) == 6
        assert len(await db.fetch("SELECT id FROM post")) == 6
        assert len(await db.fetch("SELECT id FROM occasion")) == 6
        assert [await heard(person) for person in people] == [["card_written"]] * 6
    finally:
        await db.close_database()


# What happens in between


async def test_choosing_nobody_closes_the_card_unseen_for_good(cast: Cast) -> None:
    mia, card = await opened(cast)
    await sign(cast, "amara", card)
    with db.as_of(EVE):
        await asking.choose(viewer_for(mia), PersonFields(anniversary_scope="nobody"))
        with pytest.raises(NotFound):
            await cards.load_card(cast.viewer("amara"), card)
        assert not await may_sign(cast.viewer("lead"))
    assert await heard(cast.lead) == []
    assert await db.fetch("SELECT id FROM occasion_line") == []
    assert await marking.celebrate(DAY) == 0
    assert await said_in_post("admin", cast) == []


async def test_the_card_is_out_of_sight_before_the_job_has_seen_the_choice(cast: Cast) -> None:
    mia, card = await opened(cast)
    await Person.update({Person.anniversary_scope: "nobody"}).where(Person.id == mia.id)
    with db.as_of(OPENED):
        assert not await may_sign(cast.viewer("amara"))
        with pytest.raises(NotFound):
            await cards.load_card(cast.viewer("amara"), card)


async def test_a_choice_made_by_a_program_is_followed_too(cast: Cast) -> None:
    mia, card = await opened(cast)
    await edit_person(viewer_for(mia), mia.id, PersonFields(anniversary_scope="nobody"))
    await jobs.drain()
    assert await card_queries.unmarked() == []
    assert not await heard(cast.amara)
    assert card


async def test_a_new_team_is_asked_and_the_old_one_no_longer(cast: Cast) -> None:
    mia, card = await opened(cast)
    await sign(cast, "amara", card)
    await Person.update({Person.team: cast.yusuf.team}).where(Person.id == mia.id)
    await marking.celebrate(EVE)
    assert await heard(cast.priya) == []
    assert await heard(cast.yusuf) == ["card_open"]
    with db.as_of(EVE):
        with pytest.raises(NotFound):
            await cards.load_card(cast.viewer("priya"), card)
        assert (await cards.load_card(cast.viewer("amara"), card)).may_write, "her line stays hers"
        await cards.write_line(cast.viewer("yusuf"), card, "Welcome to us.")
    await marking.celebrate(DAY)
    assert await said_in_post("yusuf", cast) == [[HIDDEN, "Welcome to us."]]
    with db.as_of(DAY):
        seen = await cards.load_card(cast.viewer("amara"), card)
        assert [line.words for line in seen.lines] == [HIDDEN], "the post is another team's; her line is hers"
        assert seen.mine is not None
        await cards.remove_line(cast.viewer("amara"), card, seen.mine.id)
    assert await said_in_post("yusuf", cast) == [["Welcome to us."]]


async def test_whoever_left_is_not_asked_and_what_they_wrote_stays(cast: Cast) -> None:
    _mia, card = await opened(cast)
    await sign(cast, "amara", card)
    await Person.update({Person.active: False}).where(Person.id.is_in([cast.amara.id, cast.lead.id]))
    await marking.celebrate(EVE)
    with db.as_of(EVE):
        assert await heard(cast.lead) == []
    await marking.celebrate(DAY)
    assert await said_in_post("priya", cast) == [[HIDDEN]]


async def test_the_card_of_somebody_who_left_is_closed(cast: Cast) -> None:
    mia, card = await opened(cast)
    await sign(cast, "amara", card)
    await Person.update({Person.active: False}).where(Person.id == mia.id)
    with db.as_of(EVE), pytest.raises(NotFound):
        await cards.load_card(cast.viewer("amara"), card)
    assert await marking.celebrate(EVE) == 0
    assert await card_queries.unmarked() == []
    assert await heard(cast.priya) == []


async def test_a_corrected_date_takes_the_card_along(cast: Cast) -> None:
    mia, card = await opened(cast)
    await sign(cast, "amara", card)
    await Person.update({Person.hired_on: date(2026, 3, 8)}).where(Person.id == mia.id)
    assert await marking.celebrate(DAY) == 0
    assert await the_card(mia) == card
    with db.as_of(DAY):
        (notice,) = await latest(cast.viewer("priya"))
    assert "8 March" in notice.words
    assert await marking.celebrate(DAY + timedelta(days=3)) == 1
    assert await said_in_post("lead", cast) == [[HIDDEN]]
    assert len(await db.fetch("SELECT id FROM occasion")) == 1


async def test_a_date_corrected_into_the_past_brings_the_words_at_once(cast: Cast) -> None:
    mia, card = await opened(cast)
    await sign(cast, "amara", card)
    await Person.update({Person.hired_on: date(2026, 2, 20)}).where(Person.id == mia.id)
    assert await marking.celebrate(EVE) == 1
    assert await said_in_post("lead", cast) == [[HIDDEN]]
    assert await marking.celebrate(DAY) == 0


async def test_a_wrong_date_taken_away_closes_the_card(cast: Cast) -> None:
    mia, card = await opened(cast)
    await sign(cast, "amara", card)
    await Person.update({Person.hired_on: None}).where(Person.id == mia.id)
    await marking.celebrate(EVE)
    assert await card_queries.unmarked() == []


async def test_somebody_without_team_or_lead_has_a_card_from_their_buddy(cast: Cast) -> None:
    mia = await celebrated(cast, team=None, buddy=cast.yusuf.id)
    await marking.celebrate(OPENED)
    await sign(cast, "yusuf", await the_card(mia))
    await marking.celebrate(EVE)
    await marking.celebrate(DAY)
    await posts.give_places()
    keys = await posts.feed_keys(viewer_for(mia))
    assert [
        line.words
        for view in (await posts.views_of([key.id for key in keys])).values()
        for line in view.lines
    ] == [HIDDEN]


# Moderation and erasure


async def delivered(cast: Cast) -> tuple[PersonView, Card]:
    mia, card = await opened(cast)
    await sign(cast, "amara", card)
    await marking.celebrate(DAY)
    await posts.give_places()
    with db.as_of(DAY):
        return mia, await cards.load_card(cast.viewer("lead"), card)


@pytest.mark.parametrize(
    ("name", "may"),
    [
        ("lead", True),
        ("admin", True),
        ("mia", True),
        ("priya", False),
        ("other_lead", None),
        ("trainer", None),
    ],
)
async def test_who_takes_down_a_line_that_hurts(cast: Cast, name: str, may: bool | None) -> None:
    mia, card = await delivered(cast)
    viewer = viewer_for(mia) if name == "mia" else cast.viewer(name)
    before = (await posts.feed_keys(cast.viewer("lead")))[0].version
    with db.as_of(DAY):
        if not may:
            with pytest.raises(Forbidden if may is False else NotFound):
                await cards.remove_line(viewer, card.id, card.lines[0].id)
            assert await said_in_post("lead", cast) == [[HIDDEN]]
            return
        await cards.remove_line(viewer, card.id, card.lines[0].id)
        with pytest.raises(Conflict):
            await cards.write_line(cast.viewer("amara"), card.id, "Again.")
    assert await said_in_post("lead", cast) == [[]]
    assert (await posts.feed_keys(cast.viewer("lead")))[0].version > before
    entries = await db.fetch("SELECT action FROM audit_entry WHERE noun = 'occasion'")
    assert [row["action"] for row in entries] == ["card_line_hidden"]


async def test_an_erased_authors_words_stay_without_the_name(cast: Cast) -> None:
    _mia, card = await delivered(cast)
    before = (await posts.feed_keys(cast.viewer("lead")))[0].version
    await Person.update({Person.name: "", Person.active: False}).where(Person.id == cast.amara.id)
    async with db.transaction():
        await jobs.publish("person_erased", {"person": str(cast.amara.id)})
    await jobs.drain()
    after = (await posts.feed_keys(cast.viewer("lead")))[0]
    assert after.version > before
    (line,) = (await posts.views_of([after.id]))[after.id].lines
    assert (line.words, line.author_name) == (HIDDEN, "A former colleague")
    assert card


async def test_an_erased_persons_card_is_gone_and_so_is_their_birthday(cast: Cast) -> None:
    mia, card = await opened(cast)
    await sign(cast, "amara", card)
    await edit_person(None, mia.id, PersonFields(birthday="03-05"))
    await edit_person(viewer_for(mia), mia.id, PersonFields(birthday_scope="team"))
    last_year = DAY - timedelta(days=365)
    await marking.celebrate(last_year)
    assert [row["kind"] for row in await db.fetch("SELECT kind FROM post")] == ["birthday"]
    async with db.transaction():
        await jobs.publish("person_erased", {"person": str(mia.id)})
    await jobs.drain()
    assert await db.fetch("SELECT id FROM post WHERE kind = 'birthday'") == []
    assert await db.fetch("SELECT id FROM occasion WHERE marked_at IS NULL") == []


async def test_a_new_name_is_drawn_in_posts_that_were_kept(cast: Cast) -> None:
    mia, _card = await delivered(cast)
    before = (await posts.feed_keys(cast.viewer("lead")))[0].version
    await edit_person(None, cast.amara.id, PersonFields(name="Amara Bello"))
    await jobs.drain()
    assert (await posts.feed_keys(cast.viewer("lead")))[0].version > before
    assert mia
