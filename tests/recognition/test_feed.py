"""The feed: who reads which post, answers, moderation, places, and fragments that are kept."""

import asyncio
import json
import re
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import httpx
import pytest
from litestar import Litestar

from tests.factories import a_person
from tests.recognition.conftest import Cast, make_cast
from trainer import db, jobs
from trainer.appreciation import service as appreciation
from trainer.appreciation.tables import Appreciation
from trainer.people.tables import Person
from trainer.problems import Conflict, Forbidden, NotFound
from trainer.recognition import fragments, posts
from trainer.recognition.tables import Post
from trainer.rulebook.service import published_rules
from trainer.rulebook.tables import RuleVersion, Value

NAMES = ("lead", "amara", "priya", "other_lead", "yusuf", "trainer", "analyst", "manager", "admin")


@pytest.fixture
async def here(app: Litestar) -> Cast:
    """The cast in a running app."""
    return await make_cast()


async def thanks(
    cast: Cast,
    *,
    by: str = "amara",
    to: tuple[str, ...] = ("priya",),
    visibility: str = "team",
    words: str = "Calm.",
) -> UUID:
    return await posts.give_thanks(
        cast.viewer(by),
        to=[getattr(cast, name).id for name in to],
        behaviour_kind="rule",
        behaviour_code="R01",
        message=words,
        visibility=visibility,
    )


async def milestone(person: UUID) -> None:
    """A post as a reached milestone makes it."""
    words = {"en": "Safe hands", "zh-Hans": "可靠的双手"}
    async with db.transaction():
        await posts.add_post(
            "milestone",
            person=person,
            team=(await db.fetch_one("SELECT team FROM person WHERE id = {}", person))["team"],
            scope="team",
            params={"code": "safe-hands", "title": words, "why": {"en": "Trust."}, "level": {"en": "Ready"}},
            source=f"milestone:safe-hands:{person}",
            at=db.utc_now(),
        )
    await posts.give_places()


async def ids(cast: Cast, name: str, **options: Any) -> list[UUID]:
    return [key.id for key in await posts.feed_keys(cast.viewer(name), limit=50, **options)]


# Who reads what (the rights matrix, row "appreciation, post")

READ = {
    "team": {"lead", "amara", "priya", "admin"},
    "everyone": set(NAMES),
    "private": set(),
}


@pytest.mark.parametrize("visibility", ["team", "everyone", "private"])
async def test_who_reads_thanks_in_the_feed(cast: Cast, visibility: str) -> None:
    await thanks(cast, visibility=visibility)
    readers = {name for name in NAMES if await ids(cast, name)}
    assert readers == READ[visibility]


async def test_thanks_across_teams_are_read_by_their_author_and_by_each_receivers_team(cast: Cast) -> None:
    await thanks(cast, by="trainer", to=("priya", "yusuf"))
    readers = {name for name in NAMES if await ids(cast, name)}
    assert readers == {"trainer", "lead", "amara", "priya", "other_lead", "yusuf", "admin"}
    assert {name for name in NAMES if await ids(cast, name, only_team=True)} == {
        "lead", "amara", "priya", "other_lead", "yusuf",
    }  # fmt: skip


async def test_a_milestone_is_read_by_the_team_and_who_moderates(cast: Cast) -> None:
    await milestone(cast.yusuf.id)
    assert {name for name in NAMES if await ids(cast, name)} == {"other_lead", "yusuf", "admin"}


async def test_the_page_and_the_api_show_each_reader_the_same(
    here: Cast, new_client: Callable[..., Any], sign_in: Any, use_token: Any
) -> None:
    await thanks(here, visibility="team", words="For the team alone.")
    await thanks(here, visibility="private", words="For her alone.")
    for name in NAMES:
        async with new_client() as browser, new_client() as program:
            await sign_in(browser, getattr(here, name))
            await use_token(program, getattr(here, name), "feed:read", "appreciations:read")
            page = (await browser.get("/recognition")).text
            feed = (await program.get("/api/v1/feed")).json()["items"]
            given = (await program.get("/api/v1/appreciations")).json()["items"]
            assert ("For the team alone." in page) == (name in READ["team"]), name
            assert "For her alone." not in page, name
            assert [item["appreciation"]["message"] for item in feed] == (
                ["For the team alone."] if name in READ["team"] else []
            ), name
            private = {"For her alone."} & {item["message"] for item in given}
            assert bool(private) == (name in {"amara", "priya"}), name
            for item in given:
                assert (await program.get(f"/api/v1/appreciations/{item['id']}")).status_code == 200


async def test_private_thanks_are_unknown_to_everybody_else(
    here: Cast, new_client: Callable[..., Any], use_token: Any
) -> None:
    given = await thanks(here, visibility="private")
    assert await db.fetch("SELECT id FROM post") == []
    await jobs.drain()
    assert await db.fetch("SELECT id FROM post") == []
    for name in NAMES:
        async with new_client() as program:
            await use_token(program, getattr(here, name))
            address = f"/api/v1/appreciations/{given}"
            expected = 200 if name in {"amara", "priya"} else 404
            assert (await program.get(address)).status_code == expected, name
            if expected == 404:
                assert (await program.delete(address)).status_code == 404, name


# Places


async def test_posts_get_their_places_in_order_and_once(cast: Cast) -> None:
    for number in range(3):
        await thanks(cast, words=f"Number {number}.")
    await posts.give_places()
    await jobs.drain()
    rows = await db.fetch("SELECT seq FROM post ORDER BY at")
    assert [row["seq"] for row in rows] == [1, 2, 3]


async def test_the_feed_goes_on_where_it_stopped(cast: Cast) -> None:
    for number in range(5):
        await thanks(cast, words=f"Number {number}.")
    first = await posts.feed_keys(cast.viewer("priya"), limit=2)
    rest = await posts.feed_keys(cast.viewer("priya"), limit=50, before=first[-1].seq)
    assert [key.seq for key in first + rest] == [5, 4, 3, 2, 1]


async def test_many_at_once_get_one_place_each(cast: Cast) -> None:
    await asyncio.gather(*(thanks(cast, words=f"Number {number}.") for number in range(8)))
    rows = await db.fetch("SELECT seq FROM post ORDER BY seq")
    assert [row["seq"] for row in rows] == list(range(1, 9))


# Answers and moderation


async def test_an_answer_is_kept_once_and_taken_back(cast: Cast) -> None:
    await thanks(cast)
    (post,) = await ids(cast, "lead")
    assert (await posts.cheer(cast.viewer("lead"), post, on=True)).thanked
    assert (await posts.cheer(cast.viewer("lead"), post, on=True)).thanked
    view = (await posts.views_of([post]))[post]
    assert [name for _person, name in view.cheers] == ["Kwame Mensah"]
    assert not (await posts.cheer(cast.viewer("lead"), post)).thanked
    assert (await posts.views_of([post]))[post].cheers == ()


async def test_nobody_answers_a_post_about_themselves_or_one_they_cannot_read(cast: Cast) -> None:
    await thanks(cast)
    (post,) = await ids(cast, "lead")
    with pytest.raises(Forbidden):
        await posts.cheer(cast.viewer("priya"), post)
    with pytest.raises(NotFound):
        await posts.cheer(cast.viewer("yusuf"), post)


@pytest.mark.parametrize(
    ("name", "may"),
    [
        ("amara", True),
        ("priya", True),
        ("lead", True),
        ("admin", True),
        ("yusuf", False),
        ("other_lead", False),
    ],
)
async def test_who_takes_a_post_down(cast: Cast, name: str, may: bool) -> None:
    given = await thanks(cast, visibility="everyone")
    (post,) = await ids(cast, "lead")
    if not may:
        with pytest.raises(Forbidden):
            await posts.hide_post(cast.viewer(name), post)
        assert await ids(cast, "manager") == [post]
        return
    await posts.hide_post(cast.viewer(name), post)
    assert await ids(cast, "manager") == []
    entries = await db.fetch("SELECT action FROM audit_entry WHERE noun IN ('post', 'appreciation')")
    assert "post_hidden" in {row["action"] for row in entries}
    kept = await appreciation.get_appreciation(given)
    assert (kept is not None) == (name == "priya"), "whoever was thanked keeps the words"
    assert len(await db.fetch("SELECT id FROM fact WHERE kind = 'appreciation_given'")) == 1, "a fact stays"


async def test_words_are_mended_for_15_minutes_and_the_post_with_them(cast: Cast) -> None:
    given = await thanks(cast, words="Clam.")
    before = (await posts.feed_keys(cast.viewer("lead"), limit=1))[0]
    assert (await posts.feed_keys(cast.viewer("amara"), limit=1))[0].relation == "mending"
    await posts.mend_thanks(cast.viewer("amara"), given, "Calm.")
    after = (await posts.feed_keys(cast.viewer("lead"), limit=1))[0]
    assert after.version > before.version
    assert (await posts.views_of([after.id]))[after.id].message == "Calm."
    with pytest.raises(Conflict):
        await posts.mend_thanks(cast.viewer("lead"), given, "Not mine.")
    early = db.utc_now() - timedelta(minutes=16)
    await Appreciation.update({Appreciation.created_at: early}).where(Appreciation.id == given)
    with pytest.raises(Conflict):
        await posts.mend_thanks(cast.viewer("amara"), given, "Too late.")
    assert (await posts.feed_keys(cast.viewer("amara"), limit=1))[0].relation == "author"


async def test_withdrawn_thanks_leave_the_feed(cast: Cast) -> None:
    given = await thanks(cast)
    await appreciation.withdraw(cast.viewer("amara"), given)
    await jobs.drain()
    assert await ids(cast, "lead") == []


# Pages


async def test_a_person_thanks_and_finds_it_in_the_feed_at_once(
    here: Cast, client: httpx.AsyncClient, sign_in: Any
) -> None:
    await sign_in(client, here.amara)
    form = await client.get("/recognition/thank")
    assert "Priya Nair" in form.text
    assert "Listen to the end" in form.text
    sent = {
        "to": [str(here.priya.id)],
        "behaviour": "rule:R01",
        "message": "You waited a breath <b>longer</b>.",
        "visibility": "team",
    }
    answer = await client.post("/recognition/thank", data=sent)
    assert (answer.status_code, answer.headers["location"]) == (303, "/recognition")
    page = (await client.get("/recognition")).text
    assert "You waited a breath &lt;b&gt;longer&lt;/b&gt;." in page
    assert "Mend the words" in page


async def test_a_form_with_mistakes_says_all_of_them_and_keeps_the_words(
    here: Cast, client: httpx.AsyncClient, sign_in: Any
) -> None:
    await sign_in(client, here.amara)
    answer = await client.post("/recognition/thank", data={"message": "Kept words", "visibility": "team"})
    assert answer.status_code == 422
    for words in ("Choose whom to thank.", "Choose the behaviour you saw", "Kept words"):
        assert words in answer.text
    answer = await client.post("/recognition/thank", data={"to": ["nobody"], "message": "x"})
    assert answer.status_code == 422


async def test_pressing_thank_gives_the_foot_back_with_names_and_no_count(
    here: Cast, client: httpx.AsyncClient, sign_in: Any
) -> None:
    await thanks(here)
    (post,) = await ids(here, "lead")
    await sign_in(client, here.lead)
    foot = (await client.post(f"/recognition/posts/{post}/cheer")).text
    assert 'aria-pressed="true"' in foot
    assert "Kwame Mensah" in foot
    assert not re.search(r">\s*\d+\s*<", foot)
    assert 'aria-pressed="true"' in (await client.get("/recognition")).text
    foot = (await client.post(f"/recognition/posts/{post}/cheer")).text
    assert 'aria-pressed="false"' in foot


async def test_a_post_taken_down_is_gone_for_the_next_reader(
    here: Cast, client: httpx.AsyncClient, sign_in: Any
) -> None:
    await thanks(here, words="Gone soon.")
    (post,) = await ids(here, "lead")
    await sign_in(client, here.lead)
    assert "Gone soon." in (await client.get("/recognition")).text
    answer = await client.post(f"/recognition/posts/{post}/hide")
    assert answer.status_code == 200
    assert "out of the feed" in answer.headers["hx-trigger"]
    assert "Gone soon." not in (await client.get("/recognition")).text
    assert (await client.get(f"/recognition/posts/{post}")).status_code == 404


async def test_a_kept_fragment_is_never_shown_to_somebody_it_is_wrong_for(
    here: Cast, new_client: Callable[..., Any], sign_in: Any
) -> None:
    await thanks(here)
    await milestone(here.priya.id)
    seen = {}
    for name in ("amara", "priya", "lead", "admin"):
        async with new_client() as browser:
            await sign_in(browser, getattr(here, name))
            seen[name] = (await browser.get("/recognition")).text
    assert "Mend the words" in seen["amara"]
    assert seen["amara"].count('hx-post="/recognition/posts/') == 2, (
        "take back own thanks, answer the milestone"
    )
    assert seen["priya"].count("/cheer") == 0, "both are about her"
    assert "Take down this post about me" in seen["priya"]
    assert seen["lead"].count("/cheer") == 2
    assert seen["lead"].count("Take down this post") == 2
    assert "Mend the words" not in seen["lead"] + seen["admin"] + seen["priya"]


async def test_every_reader_sees_a_change_at_once(
    here: Cast, new_client: Callable[..., Any], sign_in: Any
) -> None:
    given = await thanks(here, words="Clam.")
    (post,) = await ids(here, "lead")
    async with new_client() as browser:
        await sign_in(browser, here.lead)
        assert "Clam." in (await browser.get("/recognition")).text
        await posts.mend_thanks(here.viewer("amara"), given, "Calm.")
        assert "Calm." in (await browser.get("/recognition")).text
        await posts.cheer(here.viewer("admin"), post)
        assert "Ingrid Solberg" in (await browser.get("/recognition")).text


@pytest.mark.parametrize("kind", ["rule", "value"])
async def test_every_reader_sees_what_a_behaviour_is_called_by_now(
    here: Cast, new_client: Callable[..., Any], sign_in: Any, kind: str
) -> None:
    code = (
        "R01"
        if kind == "rule"
        else (await db.fetch("SELECT code FROM value ORDER BY position LIMIT 1"))[0]["code"]
    )
    await posts.give_thanks(
        here.viewer("amara"), to=[here.priya.id], behaviour_kind=kind, behaviour_code=code, message="Calm.",
        visibility="team",
    )  # fmt: skip
    async with new_client() as one, new_client() as two:
        await sign_in(one, here.lead)
        await sign_in(two, here.admin)
        assert "A new name" not in (await one.get("/recognition")).text
        named: dict[Any, Any] = {"title": json.dumps({"en": "A new name"})}
        if kind == "rule":
            rule = (await published_rules([code]))[code]
            await RuleVersion.update(named).where(
                (RuleVersion.rule == rule.id) & (RuleVersion.state == "published")
            )
        else:
            await Value.update(named).where(Value.code == code)
        for browser in (one, two):
            assert "A new name" in (await browser.get("/recognition")).text.split("<article", 1)[1]


async def test_what_is_let_go_while_another_request_draws_is_shown_all_the_same(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer, may_draw = cast.viewer("amara"), asyncio.Event()

    def key(place: int) -> posts.PostKey:
        return posts.PostKey(UUID(int=place), place, 1, "milestone", False, "other")

    async def draw(request: Any, keys: list[posts.PostKey]) -> tuple[list[posts.PostKey], list[str]]:
        if keys[0].seq == 100:
            await may_draw.wait()
        return keys, [str(each.seq) for each in keys]

    monkeypatch.setattr(fragments, "KEPT", 4)
    monkeypatch.setattr(fragments, "_draw", draw)
    page: Any = SimpleNamespace(scope={"user": viewer}, user=viewer)
    await fragments.draw_posts(page, [key(1)])
    first = asyncio.create_task(fragments.draw_posts(page, [key(1), key(100)]))
    await asyncio.sleep(0)  # as far as the drawing
    others = [key(place) for place in range(2, 8)]
    assert await fragments.draw_posts(page, others) == ["2", "3", "4", "5", "6", "7"]
    may_draw.set()
    assert await first == ["1", "100"]


async def test_a_milestone_is_told_in_the_readers_language(
    here: Cast, client: httpx.AsyncClient, sign_in: Any
) -> None:
    await milestone(here.priya.id)
    reader = await a_person(team=here.priya.team, locale="zh-Hant")
    await sign_in(client, reader)
    assert "可靠的双手" in (await client.get("/recognition")).text
    await sign_in(client, here.lead)
    assert "Safe hands" in (await client.get("/recognition")).text


async def test_a_warm_feed_costs_four_queries_at_most(
    here: Cast, client: httpx.AsyncClient, sign_in: Any, count_queries: Any
) -> None:
    for number in range(6):
        await thanks(here, words=f"Number {number}.")
    await milestone(here.priya.id)
    await sign_in(client, here.lead)
    await client.get("/recognition")
    with count_queries() as counted:
        assert (await client.get("/recognition")).status_code == 200
    assert counted.count <= 4, counted.statements


async def test_show_more_brings_the_rest(here: Cast, client: httpx.AsyncClient, sign_in: Any) -> None:
    for number in range(25):
        await thanks(here, words=f"Number {number}.")
    await sign_in(client, here.lead)
    page = (await client.get("/recognition")).text
    assert page.count("<article") == 20
    address = re.search(r'hx-get="([^"]+)"', page).group(1).replace("&amp;", "&")
    more = (await client.get(address, headers={"HX-Request": "true"})).text
    assert more.count("<article") == 5
    assert "<html" not in more
    plain = (await client.get(address)).text
    assert plain.count("<article") == 5
    assert "data-live" not in plain, "an older page does not follow the feed"


async def test_the_wall_shows_only_what_everyone_may_read(
    here: Cast, client: httpx.AsyncClient, sign_in: Any
) -> None:
    await thanks(here, visibility="everyone", words="For all to read.", to=("yusuf",))
    await thanks(here, visibility="team", words="Among us.")
    await milestone(here.priya.id)
    await thanks(here, visibility="private", words="For you alone.", to=("yusuf",))
    assert (await client.get("/recognition/wall")).status_code in (303, 401)
    await sign_in(client, here.lead)
    wall = (await client.get("/recognition/wall")).text
    assert "For all to read." in wall
    assert "Among us." not in wall
    assert "Priya Nair" not in wall, "her team's posts are no matter for the wall"
    assert "For you alone." not in wall
    assert "<b>2</b>" in wall, "private thanks are not even counted"


async def test_empty_rooms_say_what_to_do(here: Cast, client: httpx.AsyncClient, sign_in: Any) -> None:
    await sign_in(client, here.trainer)
    page = (await client.get("/recognition")).text
    assert "Quiet here so far" in page
    assert "My team" not in page, "she has none"
    assert (await client.get("/recognition/wall")).status_code == 200
    assert await Post.count() == 0


async def test_what_was_said_stays_when_a_name_is_erased(
    here: Cast, client: httpx.AsyncClient, sign_in: Any
) -> None:
    await thanks(here, words="Still true.")
    await Person.update({Person.name: "", Person.active: False}).where(Person.id == here.amara.id)
    await sign_in(client, here.lead)
    page = (await client.get("/recognition")).text
    assert "Still true." in page
    assert "A former colleague" in page
