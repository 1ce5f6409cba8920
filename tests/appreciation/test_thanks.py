"""Thanks: what they need, who reads them, and how they are mended and withdrawn."""

import html
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from litestar import Litestar

from tests.counting import count_of
from tests.recognition.conftest import Cast, make_cast
from tests.web_fixtures import SignIn
from trainer import db, facts
from trainer.appreciation import service
from trainer.appreciation.tables import Appreciation
from trainer.notices.service import latest
from trainer.people.tables import Person
from trainer.problems import Forbidden, Invalid, NotFound

NAMES = ("lead", "amara", "priya", "other_lead", "yusuf", "trainer", "analyst", "manager", "admin")


@pytest.fixture
async def cast(database: str) -> Cast:
    return await make_cast()


@pytest.fixture
async def here(app: Litestar) -> Cast:
    return await make_cast()


async def give(cast: Cast, **changes: Any) -> Any:
    values: dict[str, Any] = {
        "to": [cast.priya.id],
        "behaviour_kind": "rule",
        "behaviour_code": "R01",
        "message": "You let her finish.",
        "visibility": "team",
        **changes,
    }
    return await service.thank(cast.viewer("amara"), **values)


async def test_thanks_are_a_fact_of_who_gave_them(cast: Cast) -> None:
    given = await give(cast)
    (fact,) = await facts.facts_of(cast.amara.id, ["appreciation_given"])
    assert (fact.subject, fact.source) == ("R01", f"appreciation_given:{given}")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"to": []}, "to"),
        ({"message": "  "}, "message"),
        ({"message": "x" * 1001}, "message"),
        ({"behaviour_code": "R99"}, "behaviour"),
        ({"behaviour_kind": "value"}, "behaviour"),
        ({"behaviour_code": "", "behaviour_kind": ""}, "behaviour"),
        ({"visibility": "world"}, "visibility"),
    ],
)
async def test_thanks_that_lack_something_are_refused_by_field(
    cast: Cast, changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        await give(cast, **changes)
    assert [error.field for error in refused.value.errors] == [field]
    assert await Appreciation.count() == 0


async def test_nobody_thanks_themselves_or_somebody_who_left(cast: Cast) -> None:
    with pytest.raises(Invalid):
        await give(cast, to=[cast.priya.id, cast.amara.id])
    await Person.update({Person.active: False}).where(Person.id == cast.yusuf.id)
    with pytest.raises(Invalid):
        await give(cast, to=[cast.yusuf.id])
    with pytest.raises(Invalid):
        await give(cast, to=[db.new_id()])


async def test_the_same_person_named_twice_is_thanked_once(cast: Cast) -> None:
    given = await give(cast, to=[cast.priya.id, cast.priya.id])
    view = await service.get_appreciation(given)
    assert view is not None
    assert [person.name for person in view.to] == ["Priya Nair"]


@pytest.mark.parametrize(
    ("visibility", "readers"),
    [
        ("team", {"lead", "amara", "priya", "admin"}),
        ("everyone", set(NAMES)),
        ("private", {"amara", "priya"}),
    ],
)
async def test_the_loader_and_the_list_agree_on_who_reads(
    cast: Cast, visibility: str, readers: set[str]
) -> None:
    given = await give(cast, visibility=visibility)
    for name in NAMES:
        viewer = cast.viewer(name)
        listed = [view.id for view in await service.visible_appreciations(viewer, limit=10)]
        if name in readers:
            assert (await service.load_appreciation(viewer, given)).message == "You let her finish.", name
            assert listed == [given], name
        else:
            assert listed == [], name
            with pytest.raises(NotFound):
                await service.load_appreciation(viewer, given)


@pytest.mark.parametrize(
    ("visibility", "name", "refusal"),
    [
        ("team", "amara", None),
        ("team", "lead", None),
        ("team", "admin", None),
        ("team", "priya", Forbidden),
        ("team", "yusuf", NotFound),
        ("everyone", "other_lead", Forbidden),
        ("everyone", "manager", Forbidden),
        ("private", "amara", None),
        ("private", "lead", NotFound),
        ("private", "admin", NotFound),
    ],
)
async def test_who_withdraws(cast: Cast, visibility: str, name: str, refusal: type[Exception] | None) -> None:
    given = await give(cast, visibility=visibility)
    if refusal:
        with pytest.raises(refusal):
            await service.withdraw(cast.viewer(name), given)
        assert await service.get_appreciation(given) is not None
    else:
        await service.withdraw(cast.viewer(name), given)
        assert await service.get_appreciation(given) is None
        assert await count_of("appreciation_given", person=cast.amara.id) == 1, "the fact stays"


async def test_a_lead_without_a_team_moderates_nobody_without_a_team(cast: Cast) -> None:
    given = await give(cast, to=[cast.trainer.id], visibility="everyone")
    await Person.update({Person.team: None}).where(Person.id == cast.lead.id)
    teamless = cast.viewer("lead")
    teamless = type(teamless)(
        **{**{name: getattr(teamless, name) for name in teamless.__slots__}, "team": None}
    )
    with pytest.raises(Forbidden):
        await service.withdraw(teamless, given)


async def test_the_api_gives_reads_mends_and_withdraws(
    here: Cast, client: httpx.AsyncClient, use_token: Any
) -> None:
    await use_token(client, here.amara, "appreciations:write")
    body = {
        "to": [str(here.priya.id)],
        "behaviour": "lift-each-other",
        "message": "You slid your notes over.",
        "visibility": "everyone",
    }
    made = await client.post("/api/v1/appreciations", json=body)
    assert made.status_code == 201, made.text
    address = made.headers["location"]
    shown = await client.get(address)
    assert shown.json()["behaviour_kind"] == "value"
    assert shown.json()["to"] == [{"id": str(here.priya.id), "name": "Priya Nair"}]
    changed = {"message": "You slid your notes over to me."}
    assert (await client.patch(address, json=changed)).status_code == 412
    mended = await client.patch(address, json=changed, headers={"If-Match": shown.headers["etag"]})
    assert mended.json()["message"] == "You slid your notes over to me."
    assert mended.headers["etag"] != shown.headers["etag"]
    assert (await client.delete(address)).status_code == 204
    assert (await client.get(address)).status_code == 404


async def test_the_api_names_every_wrong_field(here: Cast, client: httpx.AsyncClient, use_token: Any) -> None:
    await use_token(client, here.amara, "appreciations:write")
    answer = await client.post("/api/v1/appreciations", json={"to": [], "behaviour": "x", "message": ""})
    assert answer.status_code == 422
    assert {error["field"] for error in answer.json()["errors"]} == {"to", "behaviour", "message"}


async def test_the_same_key_thanks_once(here: Cast, client: httpx.AsyncClient, use_token: Any) -> None:
    await use_token(client, here.amara, "appreciations:write")
    body = {"to": [str(here.priya.id)], "behaviour": "R01", "message": "Once."}
    sent = [
        await client.post("/api/v1/appreciations", json=body, headers={"Idempotency-Key": "one"})
        for _try in range(2)
    ]
    assert sent[0].json() == sent[1].json()
    assert await Appreciation.count() == 1


async def test_pages_of_the_list_add_up(here: Cast, new_client: Callable[..., Any], use_token: Any) -> None:
    for number in range(5):
        await give(here, message=f"Number {number}.")
    async with new_client() as client:
        await use_token(client, here.lead, "appreciations:read")
        seen: list[str] = []
        cursor: str | None = ""
        while cursor is not None:
            params = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
            page = (await client.get("/api/v1/appreciations", params=params)).json()
            seen += [item["message"] for item in page["items"]]
            cursor = page["next_cursor"]
        assert seen == [f"Number {number}." for number in (4, 3, 2, 1, 0)]
        assert (await client.get("/api/v1/appreciations?cursor=nonsense")).status_code == 400


async def test_whoever_is_thanked_hears_of_it_once_and_no_more_once_it_is_withdrawn(cast: Cast) -> None:
    given = await give(cast, to=[cast.priya.id, cast.yusuf.id], visibility="private")
    for name in ("priya", "yusuf"):
        (notice,) = await latest(cast.viewer(name))
        assert notice.words == "Amara Okafor thanked you"
        assert notice.href == f"/recognition/thanks#thanks-{given}"
    assert await latest(cast.viewer("amara")) == []
    await service.withdraw(cast.viewer("amara"), given)
    assert await latest(cast.viewer("priya")) == []
    # what is told of another day is no news
    await give(cast, at=db.utc_now() - timedelta(days=40))
    assert await latest(cast.viewer("priya")) == []


async def test_own_thanks_are_read_withdrawn_and_paged(
    here: Cast, new_client: Callable[..., Any], sign_in: SignIn
) -> None:
    words = "Between the two of us."
    private = await give(here, visibility="private", message=words)
    async with new_client() as amara, new_client() as priya, new_client() as lead:
        for client, name in ((amara, "amara"), (priya, "priya"), (lead, "lead")):
            await sign_in(client, getattr(here, name))
        assert words in (await priya.get("/recognition/thanks")).text
        assert words not in (await priya.get("/recognition/thanks?side=given")).text
        page = (await amara.get("/recognition/thanks?side=given")).text
        assert f'href="/recognition/thanks/{private}"' in page
        assert words not in (await lead.get("/recognition/thanks")).text
        withdraw = f"/recognition/thanks/{private}/withdraw"
        assert withdraw in page
        assert (await lead.post(withdraw)).status_code == 404
        assert (await priya.post(withdraw)).status_code == 403
        answer = await amara.post(withdraw)
        assert answer.headers["location"] == "/recognition/thanks?side=given&done=withdrawn"
        assert words not in (await amara.get("/recognition/thanks?side=given")).text
        assert words not in (await priya.get("/recognition/thanks")).text
        for number in range(21):
            await give(here, message=f"Moment number {number:02}.")
        first = (await priya.get("/recognition/thanks")).text
        (more,) = re.findall(r'hx-get="([^"]+)"', first)
        assert more.startswith("/recognition/thanks?side=got&amp;cursor=")
        rest = (await priya.get(html.unescape(more), headers={"HX-Request": "true"})).text
        said = re.findall(r"Moment number (\d\d)", first + rest)
        assert said == [f"{number:02}" for number in range(20, -1, -1)]
        assert "<h1" not in rest
