"""Pages of cards and of the question of the first sign-in."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import httpx
import pytest
from litestar import Litestar

from tests.factories import a_person, viewer_for
from tests.recognition.conftest import Cast, make_cast
from tests.recognition.test_cards import DAY, HIDDEN, OPENED, delivered, opened, sign
from trainer import db
from trainer.career.documents import import_path
from trainer.career.service import celebrated_milestones
from trainer.demo.build import read
from trainer.people import links
from trainer.people.service import get_person
from trainer.people.tables import Person
from trainer.problems import NotFound
from trainer.recognition import asking, cards, marking, posts
from trainer.recognition.fragments import forget_fragments
from trainer.web.static import find_tree

Client = httpx.AsyncClient


@pytest.fixture
async def here(app: Litestar) -> Cast:
    return await make_cast()


async def test_a_colleague_signs_mends_and_takes_back_on_the_page(
    here: Cast, client: Client, sign_in: Any
) -> None:
    _mia, card = await opened(here)
    address = f"/recognition/cards/{card}"
    with db.as_of(OPENED):
        await sign_in(client, here.amara)
        page = (await client.get(address)).text
        assert "A card for Mia Tan" in page
        assert "1 year here on" in page
        assert "Nobody has written yet." in page
        empty = await client.post(address, data={"words": "  "})
        assert empty.status_code == 422
        assert "Write a line, however short." in empty.text
        assert (await client.post(address, data={"words": "Well <b>met</b>."})).status_code == 303
        page = (await client.get(f"{address}?done=written")).text
        assert "Well &lt;b&gt;met&lt;/b&gt;." in page
        assert "Your line is on the card." in page
        line = (await db.fetch("SELECT id FROM occasion_line"))[0]["id"]
        assert (await client.post(f"{address}/lines/{line}/remove")).status_code == 303
        assert "Nobody has written yet." in (await client.get(address)).text
        assert (
            await client.get("/recognition/cards/00000000-0000-0000-0000-000000000000")
        ).status_code == 404


async def test_the_post_shows_lines_with_names_and_folds_after_five(
    here: Cast, client: Client, sign_in: Any
) -> None:
    _mia, card = await opened(here)
    for number in range(7):
        author = await a_person(name=f"Colleague {number}", team=here.amara.team)
        with db.as_of(OPENED + timedelta(minutes=number)):
            await cards.write_line(viewer_for(author), card, f"Line {number}.")
    await marking.celebrate(DAY)
    await posts.give_places()
    await sign_in(client, here.lead)
    page = (await client.get("/recognition")).text
    before, after = page.split('<details class="card-rest">')
    assert "<span>Show all</span><span>Show fewer</span>" in after
    assert ["Line 4." in before, "Line 5." in before, "Line 6." in after] == [True, False, True]
    assert "Colleague 6" in after


async def test_a_post_without_lines_states_the_fact_alone(here: Cast, client: Client, sign_in: Any) -> None:
    """003-23: nothing is written in anybody's name, and no wish is made up."""
    await Person.update({Person.birthday: "03-05", Person.birthday_scope: "team"}).where(
        Person.id == here.priya.id
    )
    await Person.update({Person.hired_on: date(2026, 3, 5)}).where(Person.id == here.amara.id)
    await marking.celebrate(DAY)
    await posts.give_places()
    await sign_in(client, here.lead)
    page = (await client.get("/recognition")).text
    for article in page.split("<article")[1:]:
        body = article.split("</article>")[0]
        assert "post-body" not in body
        assert "card-lines" not in body
    for invented in ("Happy birthday", "kind one", "makes the day", "would be missing"):
        assert invented not in page


async def test_who_signed_finds_their_line_from_the_post_and_nobody_else_a_menu(
    here: Cast, new_client: Callable[..., Any], sign_in: Any
) -> None:
    _mia, card = await delivered(here)
    seen = {}
    for name in ("amara", "priya", "lead"):
        async with new_client() as browser:
            await sign_in(browser, getattr(here, name))
            seen[name] = (await browser.get("/recognition")).text
    assert "My line on the card" in seen["amara"]
    assert "Take down this post" not in seen["amara"]
    assert "The lines on this card" in seen["lead"]
    assert "/recognition/cards/" not in seen["priya"]
    assert all(HIDDEN in page for page in seen.values())
    assert card


async def test_a_line_taken_down_is_gone_from_a_kept_fragment(
    here: Cast, new_client: Callable[..., Any], sign_in: Any
) -> None:
    _mia, card = await delivered(here)
    async with new_client() as reader, new_client() as lead:
        await sign_in(reader, here.priya)
        await sign_in(lead, here.lead)
        assert HIDDEN in (await reader.get("/recognition")).text
        done = await lead.post(f"/recognition/cards/{card.id}/lines/{card.lines[0].id}/remove")
        assert done.status_code == 303
        assert HIDDEN not in (await reader.get("/recognition")).text


async def test_a_warm_feed_with_cards_costs_four_queries_at_most(
    here: Cast, client: Client, sign_in: Any, count_queries: Any
) -> None:
    await delivered(here)
    await sign_in(client, here.lead)
    await client.get("/recognition")
    with count_queries() as counted:
        await client.get("/recognition")
    assert counted.count <= 4, counted.statements
    forget_fragments()
    with count_queries() as counted:
        await client.get("/recognition")
    assert counted.count <= 8, counted.statements


# The question


async def test_the_first_password_leads_to_the_question_and_later_ones_do_not(
    client: Client, app: Litestar
) -> None:
    nia = await a_person(name="Nia Adeyemi")
    secret = await links.issue_link(None, nia.id)
    answer = await client.post(f"/welcome/{secret}", data={"password": "eleven patient otters"})
    assert answer.headers["location"] == "/welcome/celebrations"
    page = (await client.get("/welcome/celebrations")).text
    assert "What shall we celebrate?" in page
    assert "Skip for now" in page
    assert "birthday_year" not in page
    await asking.skip(viewer_for(nia))
    client.cookies.clear()
    secret = await links.issue_link(None, nia.id)
    answer = await client.post(f"/welcome/{secret}", data={"password": "twelve patient otters"})
    assert answer.headers["location"] == "/"


async def test_skipping_keeps_the_quiet_defaults_and_is_an_answer(
    here: Cast, client: Client, sign_in: Any
) -> None:
    await sign_in(client, here.amara)
    assert await asking.wants_asking(here.viewer("amara"))
    answer = await client.post("/welcome/celebrations/skip", data={"birthday_scope": "everyone"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert not await asking.wants_asking(here.viewer("amara"))
    person = await get_person(here.amara.id)
    assert (person.birthday_scope, person.full_month_scope, person.anniversary_scope, person.milestone_scope) == (
        "nobody", "team", "team", "team",
    )  # fmt: skip


async def test_the_answers_are_kept_and_shown_again(here: Cast, client: Client, sign_in: Any) -> None:
    await sign_in(client, here.amara)
    answers = {
        "full_month_scope": "nobody",
        "anniversary_scope": "everyone",
        "birthday_scope": "team",
        "milestone_scope": "nobody",
        "birthday_month": "02",
        "birthday_day": "29",
        "leap_day": "03-01",
    }
    saved = await client.post("/welcome/celebrations", data=answers)
    assert saved.status_code == 303
    assert "Your choices are saved." in (await client.get(saved.headers["location"])).text
    assert "Your choices are saved." not in (await client.get("/home")).text
    person = await get_person(here.amara.id)
    assert {name: getattr(person, name) for name in answers if "_scope" in name} == {
        name: value for name, value in answers.items() if "_scope" in name
    }
    assert (person.birthday, person.leap_day) == ("02-29", "03-01")
    assert not await asking.wants_asking(here.viewer("amara"))
    for path in ("/welcome/celebrations", "/account"):
        page = (await client.get(path)).text
        assert 'name="anniversary_scope" value="everyone" checked' in page, path
        assert 'name="milestone_scope" value="nobody" checked' in page, path


async def test_wrong_answers_are_named_and_kept(here: Cast, client: Client, sign_in: Any) -> None:
    await sign_in(client, here.amara)
    sent = {
        "birthday_month": "02",
        "birthday_day": "",
        "anniversary_scope": "nobody",
        "milestone_scope": "world",
    }
    answer = await client.post("/welcome/celebrations", data=sent)
    assert answer.status_code == 422
    assert "both month and day" in answer.text
    answer = await client.post("/welcome/celebrations", data=sent | {"birthday_day": "03"})
    assert answer.status_code == 422
    assert "Please choose one of these" in answer.text
    assert 'name="anniversary_scope" value="nobody" checked' in answer.text
    assert await asking.wants_asking(here.viewer("amara"))


async def test_a_full_month_long_past_is_not_asked_about(here: Cast, client: Client, sign_in: Any) -> None:
    await Person.update({Person.hired_on: date(2020, 1, 1)}).where(Person.id == here.amara.id)
    await sign_in(client, here.amara)
    page = (await client.get("/welcome/celebrations")).text
    assert "full_month_scope" not in page
    assert "anniversary_scope" in page


async def test_the_question_stands_in_nobodys_way(
    here: Cast, client: Client, sign_in: Any, use_token: Any, new_client: Callable[..., Any]
) -> None:
    await sign_in(client, here.amara)
    for path in ("/recognition", "/rules", "/account"):
        assert (await client.get(path)).status_code == 200
    async with new_client() as program:
        await use_token(program, here.amara)
        assert (await program.get("/api/v1/feed")).status_code == 200


async def test_a_person_hides_a_post_about_themselves_and_brings_it_back(
    here: Cast, new_client: Callable[..., Any], sign_in: Any
) -> None:
    mia, _card = await delivered(here)
    (post,) = [key.id for key in await posts.feed_keys(here.viewer("lead"))]
    with db.as_of(DAY):
        assert [one.hidden for one in await asking.own_posts(viewer_for(mia))] == [False]
    async with new_client() as browser, new_client() as other:
        await sign_in(browser, mia)
        await sign_in(other, here.amara)
        address = f"/welcome/celebrations/posts/{post}"
        assert (await other.post(address, data={"shown": "no"})).status_code == 403
        assert (await browser.post(address, data={"shown": "no"})).status_code == 303
        assert await posts.feed_keys(here.viewer("lead")) == []
        assert (await other.post(address, data={"shown": "yes"})).status_code == 404
        with db.as_of(DAY):
            assert [one.hidden for one in await asking.own_posts(viewer_for(mia))] == [True]
        assert (await browser.post(address, data={"shown": "yes"})).status_code == 303
        assert [key.id for key in await posts.feed_keys(here.viewer("lead"))] == [post]


async def test_what_a_lead_took_down_is_not_brought_back(here: Cast) -> None:
    mia, _card = await delivered(here)
    (post,) = [key.id for key in await posts.feed_keys(here.viewer("lead"))]
    await posts.hide_post(here.viewer("lead"), post)
    with pytest.raises(NotFound):
        await asking.show_own_post(viewer_for(mia), post, shown=True)


@pytest.mark.parametrize("scope", ["nobody", "team", "everyone"])
async def test_a_milestone_is_told_as_far_as_its_owner_chose(here: Cast, scope: str) -> None:
    await import_path(read(find_tree("curricula") / "paths" / "agent.yaml"))
    code = next(iter(await celebrated_milestones()))
    await Person.update({Person.milestone_scope: scope}).where(Person.id == here.priya.id)
    await posts.add_milestone_post(here.priya.id, code, db.utc_now())
    await posts.give_places()
    names = ("lead", "amara", "priya", "yusuf", "manager")
    readers = {name for name in names if await posts.feed_keys(here.viewer(name))}
    assert (
        readers
        == {
            "nobody": set(),
            "team": {"lead", "amara", "priya"},
            "everyone": set(names),
        }[scope]
    )


async def test_signing_is_for_the_signed_in(client: Client, here: Cast) -> None:
    _mia, card = await opened(here)
    await sign(here, "amara", card)
    assert (await client.get(f"/recognition/cards/{card}")).status_code == 303
    assert (await client.get("/welcome/celebrations")).status_code == 303
    assert (await client.get(f"/api/v1/occasions/{card}")).status_code == 401


async def test_the_post_of_somebody_erased_calls_them_a_former_colleague(
    here: Cast, client: Client, sign_in: Any
) -> None:
    mia, _card = await delivered(here)
    await Person.update({Person.name: "", Person.active: False}).where(Person.id == mia.id)
    await sign_in(client, here.lead)
    page = (await client.get("/recognition")).text
    assert "1 year with us, A former colleague" in page
    assert "Mia" not in page
