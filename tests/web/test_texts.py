"""What nobody sees in a text does not come in, by whatever door: pages, programs, uploads, sheets and documents."""

import re
from pathlib import Path

import httpx
import pytest
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler

from tests.factories import a_person, a_rule
from tests.web_fixtures import SignIn
from trainer.appreciation.tables import Appreciation
from trainer.clips.playlists.tables import Playlist
from trainer.people.tables import Team
from trainer.problems import Invalid
from trainer.rulebook import document
from trainer.sheets.reading import read_text
from trainer.web.forms import Form
from trainer.web.texts import ReadableRequest, readable

PACKAGE = Path(__file__).parents[2] / "trainer"
DIRTY, CLEAN = "Cafe\u0301 \u202eexe.txt\u202c\x00\x07\u200b 你好 👩\u200d🏫", "Café exe.txt 你好 👩\u200d🏫"


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (DIRTY, CLEAN),
        ("one\r\ntwo\rthree\u2028four\tfive", "one\ntwo\nthree\nfour\tfive"),
        ("\u2066a\u2069\u200e\u200f\u061cb\ufeff\x7f\x9f", "ab"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("e\u202e\u0301", "é"),
        ("re\u00adfund\u3164\u115f\u1160\uffa0\u180e\u034f", "refund"),
    ],
)
def test_what_is_kept_is_what_is_seen(sent: str, kept: str) -> None:
    assert readable(sent) == kept
    assert readable(kept) == kept


def test_lengths_are_counted_in_what_is_kept_and_a_password_is_as_it_was_typed() -> None:
    form = Form(
        {"title": ["e\u0301" * 10 + "\u202e"], "password": ["e\u0301\x00 "], "tags": [" \u200b", DIRTY]}
    )
    assert form.text("title", most=10) == "é" * 10
    assert form.ok
    assert form.secret("password") == "e\u0301\x00 "
    assert form.many("tags") == [CLEAN]


def test_documents_and_sheets_are_no_back_door() -> None:
    assert document.parse('{title: {en: "a\\0b\\u202E"}}') == {"title": {"en": "ab"}}
    assert read_text("name\n" + DIRTY).rows[0] == [CLEAN]


def test_a_few_lines_of_yaml_do_not_become_gigabytes() -> None:
    lines = ["a0: &a0 [x\u200b, x]"] + [
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)
    ]
    laughs = document.parse("\n".join(lines))
    assert laughs["a0"] == ["x", "x"]
    assert laughs["a29"][0] is laughs["a29"][8]
    with pytest.raises(Invalid):
        document.parse("[" * 5000 + "]" * 5000)


@pytest.mark.parametrize("deep", [300_000, 5_000, 900])
async def test_what_is_nested_beyond_all_use_is_refused(
    client: httpx.AsyncClient, sign_in: SignIn, deep: int
) -> None:
    await sign_in(client, await a_person(roles=["trainer"]))
    sent = '{"title": ' + "[" * deep + "]" * deep + "}"
    answer = await client.post(
        "/api/v1/playlists", content=sent, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code in (400, 413, 422)


async def test_pages_and_programs_keep_the_same_on_both_engines(
    client: httpx.AsyncClient, sign_in: SignIn
) -> None:
    await a_rule("R01")
    admin, colleague = await a_person(roles=["admin", "trainer"]), await a_person()
    await sign_in(client, admin)
    for sent in [
        await client.post("/api/v1/playlists", json={"title": DIRTY, "note": DIRTY, "visible": "me"}),
        await client.post("/clips/playlists/new", data={"title": DIRTY, "note": DIRTY, "visible": "me"}),
        await client.post("/api/v1/teams", json={"name": DIRTY}),
        await client.post(
            "/api/v1/appreciations",
            json={"to": [str(colleague.id)], "behaviour": "R01", "message": DIRTY, "visibility": "team"},
        ),
    ]:
        assert sent.status_code in (201, 303), sent.text
    assert {(row["title"], row["note"]) for row in await Playlist.select()} == {(CLEAN, CLEAN)}
    assert await Playlist.count() == 2
    assert [row["name"] for row in await Team.select()] == [
        CLEAN.replace("\u200d", " ")
    ]  # names hold no joiners
    assert [row["message"] for row in await Appreciation.select()] == [CLEAN]


def test_there_is_no_other_door(app: Litestar) -> None:
    handlers = [handler for route in app.routes for handler in getattr(route, "route_handlers", [])]
    assert len(handlers) > 300
    for handler in handlers:
        if isinstance(handler, HTTPRouteHandler):
            assert issubclass(handler.resolve_request_class(), ReadableRequest), handler
    # whoever reads a body by themselves: the edge, a file sent bare, and two bodies that may be absent
    readers = {
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        if re.search(r"\brequest\.(form|body|stream|receive)\(", path.read_text(encoding="utf-8"))
    }
    assert readers == {
        "web/forms.py",
        "web/uploads.py",
        "calls/transcript_api.py",
        "clips/api.py",
        "clips/reviewing/api.py",
    }
