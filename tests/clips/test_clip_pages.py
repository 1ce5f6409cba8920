"""Pages of clips without scripts: what is typed is kept, a conflict loses nothing, lists say why empty."""

import re
from uuid import UUID

import httpx
import pytest

from tests.clips.conftest import CallMaker
from tests.clips.makers import Cast, a_rule, fields
from tests.web_fixtures import SignIn
from trainer import jobs
from trainer.clips import service
from trainer.clips.arithmetic import Cut
from trainer.rulebook.phrases import add_phrase

pytestmark = pytest.mark.usefixtures("rules", "canned_sound")

TYPED = {
    "start": "0:05.0",
    "end": "0:14.0",
    "title": "Recap the money",
    "polarity": "exemplar",
    "rules": ["R01", "R02"],
    "cue": "0:07.5",
    "note": "Notice the pause.",
    "why": "He stops her in time.",
    "redactions": "0:07.0 - 0:08.0 silence\n",
}


@pytest.fixture
async def page(client: httpx.AsyncClient, sign_in: SignIn, cast: Cast) -> httpx.AsyncClient:
    return await sign_in(client, cast.trainer)


def clip_in(address: str) -> UUID:
    return UUID(address.rsplit("/", 1)[1])


async def test_the_editor_opens_on_a_call_with_its_words_and_rules(
    page: httpx.AsyncClient, a_call: CallMaker
):
    call = await a_call()
    answer = await page.get(f"/calls/{call}/clips/new?start=5000&end=9000&kind=near_miss")
    assert 'value="near_miss" checked' in answer.text
    assert answer.status_code == 200
    assert 'value="0:05.0"' in answer.text
    assert 'value="0:09.0"' in answer.text
    assert "My card 4111 please." in answer.text
    assert "Check who is calling" in answer.text
    nonce = re.search(r'data-nonce="([^"]+)"', answer.text)
    assert nonce is not None
    assert f"'nonce-{nonce[1]}'" in answer.headers["content-security-policy"]
    assert "nonce" not in (await page.get("/clips")).headers["content-security-policy"]


async def test_a_clip_is_cut_with_the_form_alone(page: httpx.AsyncClient, a_call: CallMaker, cast: Cast):
    answer = await page.post(f"/calls/{await a_call()}/clips/new", data=TYPED)
    assert answer.status_code == 303
    clip = await service.load_clip(cast.viewer("trainer"), clip_in(answer.headers["location"]))
    assert (clip.start_ms, clip.end_ms, clip.cue_ms) == (5_000, 14_000, 2_500)
    assert [rule.code for rule in clip.rules] == ["R01", "R02"]
    assert [cut.as_dict() for cut in clip.redactions] == [
        {"start_ms": 7_000, "end_ms": 8_000, "mode": "silence"}
    ]
    shown = await page.get(answer.headers["location"])
    assert "hx-get" in shown.text  # it renews itself while the sound is made
    await jobs.drain()
    assert "data-clip-player" in (await page.get(f"/clips/{clip.id}/state")).text


async def test_what_was_typed_comes_back_with_every_error(page: httpx.AsyncClient, a_call: CallMaker):
    wrong = {**TYPED, "end": "soon", "title": "", "redactions": "all of it"}
    answer = await page.post(f"/calls/{await a_call()}/clips/new", data=wrong)
    assert answer.status_code == 422
    assert "Write a time such as 0:33.5." in answer.text
    assert "Please fill this in." in answer.text
    assert "Write one redaction a line" in answer.text
    assert 'value="soon"' in answer.text
    assert "He stops her in time." in answer.text
    assert re.search(r'value="R02" checked', answer.text)


async def test_a_refusal_of_the_service_stands_at_its_field(page: httpx.AsyncClient, a_call: CallMaker):
    answer = await page.post(f"/calls/{await a_call()}/clips/new", data={**TYPED, "end": "0:30"})
    assert answer.status_code == 422
    assert "The call ends at 0:20.0" in answer.text


async def test_two_trainers_at_one_draft_lose_nothing(page: httpx.AsyncClient, a_call: CallMaker, cast: Cast):
    clip = await service.create_clip(cast.viewer("trainer"), await a_call(), fields())
    opened = await page.get(f"/clips/{clip}/edit")
    assert 'name="revision" value="1"' in opened.text
    await service.edit_clip(cast.viewer("second_trainer"), clip, fields(title="Mei's title"), revision=1)
    answer = await page.post(f"/clips/{clip}/edit", data={**TYPED, "title": "Rosa's title", "revision": "1"})
    assert answer.status_code == 409
    assert "Mei Tan saved this clip while you were editing it." in answer.text
    assert "Rosa&#39;s title" in answer.text
    assert "Mei&#39;s title" in answer.text
    assert 'name="revision" value="2"' in answer.text
    again = await page.post(f"/clips/{clip}/edit", data={**TYPED, "title": "Rosa's title", "revision": "2"})
    assert again.status_code == 303
    assert (await service.load_clip(cast.viewer("trainer"), clip)).title == "Rosa's title"


async def test_editing_a_published_clip_goes_on_in_its_next_version(
    page: httpx.AsyncClient, a_call: CallMaker, cast: Cast
):
    viewer = cast.viewer("trainer")
    clip = await service.create_clip(viewer, await a_call(), fields())
    await jobs.drain()
    await service.publish_clip(viewer, clip, review="self", privacy_checked=True)
    assert "Save next version" in (await page.get(f"/clips/{clip}/edit")).text
    saved = await page.post(f"/clips/{clip}/edit", data={**TYPED, "title": "Second", "revision": "2"})
    draft = clip_in(saved.headers["location"])
    assert draft != clip
    assert (await page.get(f"/clips/{clip}/edit")).headers["location"] == f"/clips/{draft}/edit"
    assert "draft of version 2" in (await page.get(f"/clips/{draft}")).text
    assert "Open the next version" in (await page.get(f"/clips/{clip}")).text


async def test_publishing_asks_whether_somebody_listened(
    page: httpx.AsyncClient, a_call: CallMaker, cast: Cast
):
    clip = await service.create_clip(cast.viewer("trainer"), await a_call(), fields())
    await jobs.drain()
    refused = await page.post(f"/clips/{clip}/publish", data={})
    assert refused.status_code == 409
    assert "Nobody has said yet that they listened for personal data." in refused.text
    done = await page.post(f"/clips/{clip}/publish", data={"privacy_checked": "1"})
    assert (done.status_code, done.headers["location"]) == (303, f"/clips/{clip}")
    published = (await page.get(f"/clips/{clip}")).text
    assert "Retire clip" in published
    assert 'href="/modules/new?rule=R01"' in published, "the next step"


async def test_the_library_is_narrowed_by_rule_kind_and_words(
    page: httpx.AsyncClient, a_call: CallMaker, cast: Cast
):
    viewer, recording = cast.viewer("trainer"), await a_call()
    await service.create_clip(viewer, recording, fields(title="One of R01"))
    await service.create_clip(
        viewer, recording, fields(title="One of R02", rules=("R02",), polarity="near_miss")
    )

    async def shown(query: str) -> list[str]:
        return re.findall(r">(One of R0\d)</a>", (await page.get(f"/clips?state=draft&{query}")).text)

    assert sorted(await shown("")) == ["One of R01", "One of R02"]
    assert await shown("rule=R01") == ["One of R01"]
    assert await shown("polarity=near_miss") == ["One of R02"]
    assert await shown("q=of+r02") == ["One of R02"]
    assert "No clip like this" in (await page.get("/clips?state=draft&q=nothing")).text


async def test_an_empty_library_says_what_it_is_for(client: httpx.AsyncClient, sign_in: SignIn, cast: Cast):
    await sign_in(client, cast.agent)
    answer = await client.get("/clips")
    assert "No clips yet" in answer.text
    assert "Drafts" not in answer.text


async def test_more_clips_follow_on_show_more(page: httpx.AsyncClient, a_call: CallMaker, cast: Cast):
    viewer, recording = cast.viewer("trainer"), await a_call()
    for number in range(26):
        await service.create_clip(viewer, recording, fields(title=f"Number {number}"))
    first = (await page.get("/clips?state=draft")).text
    more = re.search(r'hx-get="([^"]*after=[^"]*)"', first)
    assert more is not None
    rest = await page.get(more[1].replace("&amp;", "&"), headers={"HX-Request": "true"})
    assert "<html" not in rest.text
    assert len(re.findall("Number", first)) > len(re.findall("Number", rest.text)) > 0
    assert len(set(re.findall(r">(Number \d+)</a>", first + rest.text))) == 26


async def test_words_for_redacting_are_told_for_the_clip_only(page: httpx.AsyncClient, a_call: CallMaker):
    answer = await page.get(f"/calls/{await a_call()}/words?start=5000&end=9000")
    assert answer.json() == {
        "lines": [
            {
                "position": 1,
                "guessed": False,
                "words": [
                    [5000, 6000, "My"],
                    [6000, 7000, "card"],
                    [7000, 8000, "4111"],
                    [8000, 9000, "please."],
                ],
            }
        ]
    }
    guessed = (await page.get(f"/calls/{await a_call(words=False)}/words?start=5000&end=9000")).json()[
        "lines"
    ][0]
    assert guessed["guessed"] is True
    assert [word[2] for word in guessed["words"]] == ["My", "card", "4111", "please."]


@pytest.mark.parametrize("words", [True, False])
async def test_the_editor_tells_of_a_line_what_the_clip_keeps_of_it(
    page: httpx.AsyncClient, a_call: CallMaker, cast: Cast, words: bool
):
    call = await a_call(words=words)
    ranges = [(5_000, 14_000), (3_877, 9_000), (0, 10_123), (4_500, 16_500)]
    for start, end in ranges:
        for cuts in [(), (Cut(7_000, 8_000),), (Cut(5_100, 5_200), Cut(12_500, 13_000, "silence"))]:
            wanted = fields(start_ms=start, end_ms=end, redactions=cuts, cue_ms=None)
            clip = await service.create_clip(cast.viewer("trainer"), call, wanted)
            made = [line.text for line in (await service.load_clip(None, clip)).transcript]
            asked = ",".join(f"{cut.start_ms}-{cut.end_ms}" for cut in cuts)
            told = await page.get(f"/calls/{call}/kept?start={start}&end={end}&cuts={asked}")
            assert [line["text"] for line in told.json()["lines"]] == made, (start, end, cuts)


async def test_pages_cost_a_fixed_number_of_queries(
    page: httpx.AsyncClient, a_call: CallMaker, cast: Cast, count_queries: object
):
    viewer, recording = cast.viewer("trainer"), await a_call()
    clips = [await service.create_clip(viewer, recording, fields(title=f"Clip {n}")) for n in range(6)]
    for address, most in (
        ("/clips?state=draft", 5),
        (f"/clips/{clips[0]}", 8),  # with what was said in review, and what may be personal data
        (f"/clips/{clips[0]}/edit", 10),  # with phrases that have a better way, and the rules used lately
    ):
        await page.get(address)
        with count_queries() as counted:  # type: ignore[operator]
            assert (await page.get(address)).status_code == 200
        assert counted.count <= most, (address, counted.statements)


async def test_rules_used_lately_are_offered_first_and_the_others_as_the_book_has_them(
    page: httpx.AsyncClient, a_call: CallMaker, cast: Cast, count_queries: object
):
    for number in range(3, 9):
        await a_rule(f"R{number:02}", title=f"Rule {number}")
    viewer, recording = cast.viewer("trainer"), await a_call()

    def offered(text: str) -> list[str]:
        return re.findall(r'name="rules" value="(R\d+)"', text)

    new, mark = f"/calls/{recording}/clips/new", f"/calls/{recording}/mark"
    book = [f"R{number:02}" for number in range(1, 9)]
    first = (await page.get(new)).text
    assert (offered(first), "Used lately" in first) == (book, False)
    for code in ("R08", "R03", "R05", "R03", "R02", "R07", "R04"):
        last = await service.create_clip(viewer, recording, fields(rules=(code,), title=code))
    await service.create_clip(cast.viewer("second_trainer"), recording, fields(rules=("R06",)))
    with count_queries() as counted:  # type: ignore[operator]
        text = (await page.get(new)).text
    assert offered(text) == ["R04", "R07", "R02", "R03", "R05", "R01", "R06", "R08"]
    assert text.index("Used lately") < text.index('value="R04"') < text.index("More rules")
    edit = (await page.get(f"/clips/{last}/edit")).text  # what it is pinned to stands first of all
    assert offered(edit) == ["R04", "R07", "R02", "R03", "R05", "R08", "R01", "R06"]
    assert counted.count <= 10, counted.statements
    groups = re.findall(r'<optgroup label="(.+?)">(.+?)</optgroup>', (await page.get(mark)).text)
    assert [(name, re.findall(r'value="(R\d+)"', rows)) for name, rows in groups[:2]] == [
        ("Used lately", ["R04", "R07", "R02", "R03", "R05"]),
        ("More rules", ["R01", "R06", "R08"]),
    ]


async def test_each_open_point_leads_to_where_it_is_done(page: httpx.AsyncClient, a_call: CallMaker):
    recording = await a_call(transcript=False)
    typed = {**TYPED, "rules": [], "polarity": "near_miss"}
    clip = clip_in((await page.post(f"/calls/{recording}/clips/new", data=typed)).headers["location"])
    await jobs.drain()
    shown = (await page.get(f"/clips/{clip}")).text
    open_points = dict(re.findall(r'data-point="(\w+)">.*?<a href="([^"]+)"', shown))
    assert open_points == {
        "transcript": f"/clips/{clip}/edit#typed-title",
        "rules": f"/clips/{clip}/edit#f-rules",
        "privacy_check": "#f-privacy_checked",
        "agent_consent": "#consent",
    }
    edit = (await page.get(f"/clips/{clip}/edit")).text
    for page_of, address in ((edit, "typed-title"), (edit, "f-rules"), (shown, "f-privacy_checked")):
        assert f'id="{address}"' in page_of
    assert 'id="consent"' in shown


async def test_a_better_way_to_say_it_stands_below_the_line(
    page: httpx.AsyncClient, a_call: CallMaker, cast: Cast
):
    said = {"said": ["one moment"], "better": {"en": "I stay on the line."}, "rule": "R01", "language": "en"}
    await add_phrase(cast.viewer("trainer"), said)
    shown = (await page.get(f"/calls/{await a_call()}/clips/new")).text
    assert re.search(r'data-line="2"[^>]* data-hint="[^"]+: I stay on the line\."', shown)
    assert shown.count("line-hint") == 1


async def test_a_deleted_draft_is_said_to_be_gone(page: httpx.AsyncClient, a_call: CallMaker, cast: Cast):
    clip = await service.create_clip(cast.viewer("trainer"), await a_call(), fields())
    gone = await page.post(f"/clips/{clip}/delete")
    assert gone.status_code == 303
    assert "Draft deleted." in (await page.get(gone.headers["location"])).text.partition('id="toasts"')[2]
    assert "Draft deleted." not in (await page.get("/clips")).text
