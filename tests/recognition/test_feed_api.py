"""The feed and occasions as programs read them."""

from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest
from litestar import Litestar

from tests.factories import a_person
from tests.recognition.conftest import Cast, make_cast
from tests.recognition.test_feed import ids, milestone, thanks
from trainer import db
from trainer.people.tables import Person
from trainer.recognition import marking, posts

Client = httpx.AsyncClient


@pytest.fixture
async def here(app: Litestar) -> Cast:
    return await make_cast()


async def test_the_feed_tells_of_each_kind_in_the_readers_language(
    here: Cast, client: Client, use_token: Any
) -> None:
    await thanks(here, words="Calm.")
    await milestone(here.priya.id)
    await a_person(name="Omar", team=here.amara.team, hired_on=date(2026, 1, 31))
    with db.as_of(datetime(2027, 1, 31, 12, tzinfo=UTC)):
        await marking.celebrate(db.utc_now())
    await posts.give_places()
    await use_token(client, here.lead, "feed:read")
    items = (await client.get("/api/v1/feed")).json()["items"]
    assert [item["kind"] for item in items] == ["work_anniversary", "milestone", "appreciation"]
    told = items[0]["occasion"]
    assert (told["on"], told["years"], told["lines"]) == ("2027-01-31", 1, [])
    assert items[0]["person"]["name"] == "Omar"
    assert items[1]["milestone"] == {
        "code": "safe-hands", "title": "Safe hands", "why": "Trust.", "level": "Ready",
    }  # fmt: skip
    assert items[2]["appreciation"]["behaviour"] == "R01"
    assert items[2]["appreciation"]["to"] == [{"id": str(here.priya.id), "name": "Priya Nair"}]


async def test_the_feed_is_paged_by_place(here: Cast, client: Client, use_token: Any) -> None:
    for number in range(5):
        await thanks(here, words=f"Number {number}.")
    await use_token(client, here.lead, "feed:read")
    first = (await client.get("/api/v1/feed?limit=3")).json()
    await thanks(here, words="While somebody was reading.")
    rest = (await client.get("/api/v1/feed", params={"limit": 3, "cursor": first["next_cursor"]})).json()
    words = [item["appreciation"]["message"] for item in first["items"] + rest["items"]]
    assert words == [f"Number {number}." for number in (4, 3, 2, 1, 0)]
    assert rest["next_cursor"] is None
    assert (await client.get("/api/v1/feed?limit=0")).status_code == 422
    assert (await client.get("/api/v1/feed?cursor=%%%")).status_code == 400
    assert (await client.get("/api/v1/feed?scope=world")).status_code == 422


async def test_a_program_answers_and_takes_down_as_its_person_may(
    here: Cast, client: Client, use_token: Any
) -> None:
    await thanks(here)
    (post,) = await ids(here, "lead")
    address = f"/api/v1/feed/{post}"
    await use_token(client, here.lead, "feed:write")
    assert (await client.get(address)).json()["thanked"] is False
    assert (await client.put(f"{address}/thanks")).json()["thanks_from"] == [
        {"id": str(here.lead.id), "name": "Kwame Mensah"}
    ]
    assert (await client.put(f"{address}/thanks")).json()["thanked"] is True
    assert (await client.delete(f"{address}/thanks")).json()["thanks_from"] == []
    assert (await client.delete(address)).status_code == 204
    assert (await client.get(address)).status_code == 404
    assert (await client.get("/api/v1/feed/nonsense")).status_code == 404


async def test_whom_a_post_is_about_may_not_answer_it(here: Cast, client: Client, use_token: Any) -> None:
    await thanks(here)
    (post,) = await ids(here, "lead")
    await use_token(client, here.priya, "feed:write")
    assert (await client.put(f"/api/v1/feed/{post}/thanks")).status_code == 403
    await use_token(client, here.lead, "feed:read")
    assert (await client.put(f"/api/v1/feed/{post}/thanks")).status_code == 403, "the scope is too small"


async def test_occasions_from_a_day_to_a_day(here: Cast, client: Client, use_token: Any) -> None:
    """003-22, and no year of birth anywhere."""
    omar = await a_person(name="Omar", team=here.amara.team, hired_on=date(2027, 1, 31))
    await Person.update({Person.birthday: "02-14", Person.birthday_scope: "team"}).where(
        Person.id == here.priya.id
    )
    await use_token(client, here.lead, "occasions:read")
    with db.as_of(datetime(2027, 2, 1, 12, tzinfo=UTC)):
        answer = (await client.get("/api/v1/occasions?from=2027-02-01&to=2027-02-28")).json()
    assert [(item["kind"], item["on"], item["person"]) for item in answer["items"]] == [
        ("birthday", "2027-02-14", {"id": str(here.priya.id), "name": "Priya Nair"}),
        ("full_month", "2027-02-28", {"id": str(omar.id), "name": "Omar"}),
    ]
    assert answer["items"][0]["years"] is None
    assert answer["items"][0]["marked"] is False
    for wrong in ("from=soon", "to=2027-02-30", "limit=900"):
        assert (await client.get(f"/api/v1/occasions?{wrong}")).status_code == 422
    assert (await client.get("/api/v1/occasions?from=2027-03-01&to=2027-02-01")).json()["items"] == []


@pytest.mark.parametrize(
    ("name", "sees"),
    [("lead", True), ("priya", True), ("amara", True), ("yusuf", False), ("trainer", False), ("analyst", False),
     ("manager", False), ("admin", False), ("other_lead", False)],
)  # fmt: skip
async def test_who_sees_a_marked_birthday_of_the_team(
    here: Cast, client: Client, use_token: Any, name: str, sees: bool
) -> None:
    """On its day it is in the team's feed; ahead of it the lead alone may know (see test_occasions)."""
    await Person.update({Person.birthday: "02-14", Person.birthday_scope: "team"}).where(
        Person.id == here.priya.id
    )
    moment = datetime(2027, 2, 14, 12, tzinfo=UTC)
    await marking.celebrate(moment)
    await use_token(client, getattr(here, name), "occasions:read")
    with db.as_of(moment):
        items = (await client.get("/api/v1/occasions?from=2027-02-14&to=2027-02-14")).json()["items"]
    assert bool(items) == sees
