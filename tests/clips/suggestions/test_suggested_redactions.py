"""Suggested redactions: nothing that may be personal data is published before a person has decided about it."""

import re
from typing import Any
from uuid import UUID

import httpx
import pytest

from tests.clips.conftest import CallMaker
from tests.clips.makers import Cast, TimedWords, fields, write_turns
from tests.web_fixtures import SignIn
from trainer import db, jobs
from trainer.calls import jobs as call_jobs
from trainer.calls.tables import Recording, Segment
from trainer.clips import service
from trainer.clips.arithmetic import REMOVED, Cut, Line, Span
from trainer.clips.suggestions import service as suggestions
from trainer.clips.suggestions.finding import Suggestion, suggest
from trainer.clips.suggestions.tables import PrivateName, SuggestionDecision
from trainer.clips.tables import Clip
from trainer.people.tables import AuditEntry
from trainer.problems import Conflict, Forbidden, Invalid, NotFound
from trainer.search.tables import SearchEntry

pytestmark = pytest.mark.usefixtures("rules", "canned_sound")

CARD = "4111 1111 1111 1111"


async def say(recording: UUID, *lines: tuple[int, int, str, str], words: bool = False) -> None:
    """Put other words into a call: (start_ms, end_ms, speaker, text), with timed words or without."""
    await Segment.delete().where(Segment.recording == recording)
    await write_turns(recording, [_timed(line) for line in lines] if words else lines)


def _timed(line: tuple[int, int, str, str]) -> tuple[int, int, str, TimedWords]:
    start, end, speaker, text = line
    spoken = text.split()
    step = (end - start) // len(spoken)
    timed = [(start + i * step, start + (i + 1) * step, word) for i, word in enumerate(spoken)]
    return start, end, speaker, timed


@pytest.fixture
async def told(a_call: CallMaker) -> UUID:
    """A call in which somebody says a card number and a name between harmless words."""
    recording = await a_call()
    await say(
        recording,
        (5_000, 6_000, "agent", "How will you pay?"),
        (6_000, 10_000, "caller", f"With my card {CARD} please"),
        (10_500, 13_500, "caller", "My name is Joan Miller by the way"),
        words=True,
    )
    return recording


async def a_draft(cast: Cast, recording: UUID, **changes: Any) -> UUID:
    clip = await service.create_clip(cast.viewer("trainer"), recording, fields(**changes))
    await jobs.drain()
    return clip


async def publish(cast: Cast, clip: UUID, **options: Any) -> UUID:
    return await service.publish_clip(
        cast.viewer("trainer"), clip, review="self", privacy_checked=True, **options
    )


async def of(cast: Cast, clip: UUID) -> dict[str, suggestions.Judged]:
    """The suggestions for a clip by kind."""
    found = await suggestions.suggested_for(await service.load_clip(cast.viewer("trainer"), clip))
    return {one.kind: one for one in found}


async def test_what_nobody_decided_about_is_not_published(cast: Cast, told: UUID):
    clip, trainer = await a_draft(cast, told), cast.viewer("trainer")
    with pytest.raises(Conflict) as refused:
        await publish(cast, clip)
    assert refused.value.extra["missing"] == ["redactions"]
    found = await of(cast, clip)
    assert [one.state for one in found.values()] == ["open", "open"]
    assert (found["card"].words, found["name"].words) == (CARD, "Joan Miller")

    await suggestions.decide_in_clip(trainer, clip, [found["card"].key], "accepted")
    with pytest.raises(Conflict):
        await publish(cast, clip)
    await suggestions.decide_in_clip(trainer, clip, [found["name"].key], "rejected")
    await jobs.drain()
    assert await publish(cast, clip) == clip

    found = await of(cast, clip)
    assert (found["card"].state, found["card"].by_name) == ("covered", "Rosa Lind")
    assert (found["name"].state, found["name"].by_name) == ("rejected", "Rosa Lind")


async def test_an_accepted_suggestion_is_redacted_with_three_tenths_around_it(cast: Cast, told: UUID):
    clip, viewer = await a_draft(cast, told), cast.viewer("trainer")
    card = (await of(cast, clip))["card"]
    await suggestions.decide_in_clip(viewer, clip, [card.key], "accepted")
    present = await service.load_clip(viewer, clip)
    step = 4_000 // 8
    assert present.redactions == (Cut(6_000 + 3 * step - 300, 6_000 + 7 * step + 300),)
    assert [line.text for line in present.lines][1] == f"With my {REMOVED}"
    assert present.cue_ms == 2_000
    assert [rule.code for rule in present.rules] == ["R01"]


async def test_accept_all_covers_what_is_open_and_leaves_what_was_left(cast: Cast, told: UUID):
    clip, viewer = await a_draft(cast, told), cast.viewer("trainer")
    name = (await of(cast, clip))["name"]
    await suggestions.decide_in_clip(viewer, clip, [name.key], "rejected")
    await suggestions.decide_in_clip(viewer, clip, None, "accepted")
    assert {kind: one.state for kind, one in (await of(cast, clip)).items()} == {
        "card": "covered",
        "name": "rejected",
    }
    present = await service.load_clip(viewer, clip)
    assert "Joan Miller" in present.lines[2].text
    assert not re.search(r"\d", str(present.lines[1].text))


async def test_a_rejection_is_kept_with_who_and_when_and_can_be_undone(cast: Cast, told: UUID):
    clip, viewer = await a_draft(cast, told), cast.viewer("trainer")
    await suggestions.decide_in_clip(viewer, clip, None, "rejected")
    second = cast.viewer("second_trainer")
    found = await of(cast, clip)
    assert {one.state for one in found.values()} == {"rejected"}
    # in every clip of the call: it is the same words
    other = await a_draft(cast, told, start_ms=6_000, end_ms=12_000, title="Another")
    assert {one.by_name for one in (await of(cast, other)).values()} == {"Rosa Lind"}
    await suggestions.decide_in_clip(second, other, [found["card"].key], "undone")
    assert (await of(cast, clip))["card"].state == "open"
    with pytest.raises(Conflict):
        await publish(cast, clip)
    said = await SuggestionDecision.select(SuggestionDecision.answer, SuggestionDecision.by).order_by(
        SuggestionDecision.at
    )
    assert [(row["answer"], row["by"]) for row in said][-1] == ("undone", second.id)
    assert len(said) == 3
    logged = await AuditEntry.select(AuditEntry.action, AuditEntry.detail).where(
        AuditEntry.action.like("suggestion_%")
    )
    assert len(logged) == 2
    assert not re.search(r"4111|Joan", str(logged))


async def test_a_redaction_drawn_by_hand_decides_too_and_half_a_one_does_not(cast: Cast, told: UUID):
    clip = await a_draft(cast, told, redactions=(Cut(7_500, 9_500), Cut(11_000, 13_500)))
    assert {one.state for one in (await of(cast, clip)).values()} == {"covered"}
    half = await a_draft(cast, told, redactions=(Cut(7_500, 9_400),))
    assert (await of(cast, half))["card"].state == "open"


async def test_a_clip_asks_only_about_what_can_be_heard_in_it(cast: Cast, told: UUID):
    after = await a_draft(cast, told, start_ms=10_500, end_ms=14_000)
    assert list(await of(cast, after)) == ["name"]
    part = await a_draft(cast, told, start_ms=9_000, end_ms=10_400, cue_ms=None)
    assert list(await of(cast, part)) == ["card"]  # the last digits of one that began before


async def test_two_persons_who_accept_at_once_lose_nothing(cast: Cast, told: UUID):
    clip = await a_draft(cast, told)
    found = await of(cast, clip)
    await suggestions.decide_in_clip(cast.viewer("trainer"), clip, [found["card"].key], "accepted")
    await suggestions.decide_in_clip(cast.viewer("second_trainer"), clip, [found["name"].key], "accepted")
    await suggestions.decide_in_clip(cast.viewer("trainer"), clip, [found["card"].key], "accepted")
    assert len((await service.load_clip(cast.viewer("trainer"), clip)).redactions) == 2


async def test_what_was_redacted_is_heard_again_when_undone_and_nothing_beside_it(cast: Cast, told: UUID):
    mine = Cut(5_100, 14_000, "silence")  # wider than what is suggested, and drawn by hand
    clip, viewer = await a_draft(cast, told, redactions=(mine,)), cast.viewer("trainer")
    found = await of(cast, clip)
    card = found["card"].spans[0]
    assert {one.state for one in found.values()} == {"covered"}
    await suggestions.decide_in_clip(viewer, clip, [found["card"].key], "undone")
    left = (await service.load_clip(viewer, clip)).redactions
    assert left == (Cut(5_100, card.start_ms, "silence"), Cut(card.end_ms, 14_000, "silence"))
    assert {kind: one.state for kind, one in (await of(cast, clip)).items()} == {
        "card": "open",
        "name": "covered",
    }
    # and redacted once more it is all one redaction again, heard nowhere
    await suggestions.decide_in_clip(viewer, clip, None, "accepted")
    assert "4111" not in str((await service.load_clip(viewer, clip)).lines)


async def test_typed_lines_are_looked_through_beside_the_calls_own(cast: Cast, a_call: CallMaker):
    recording = await a_call(transcript=False)
    typed = (
        Line(5_000, 9_000, "caller", "my number is oh seven seven double oh nine hundred one two three"),
    )
    clip, viewer = await a_draft(cast, recording, lines=typed), cast.viewer("trainer")
    assert list(await of(cast, clip)) == ["phone"]
    await suggestions.decide_in_clip(viewer, clip, None, "accepted")
    present = await service.load_clip(viewer, clip)
    assert not re.search(
        r"oh|seven|double|nine|hundred|one|two|three", present.lines[0].text.replace("[removed]", "")
    )
    assert present.typed == typed


async def test_words_that_came_later_are_asked_about_too(cast: Cast, a_call: CallMaker):
    recording = await a_call()
    clip = await a_draft(cast, recording)
    assert await of(cast, clip) == {}
    await say(recording, (6_000, 10_000, "caller", "it is 4111 1111 1111 1111"))
    with pytest.raises(Conflict) as refused:
        await publish(cast, clip)
    assert refused.value.extra["missing"] == ["redactions"]


async def test_the_next_version_of_a_published_clip_is_made_by_accepting(cast: Cast, told: UUID):
    clip, viewer = await a_draft(cast, told), cast.viewer("trainer")
    await publish(cast, clip, may_stay="all")
    await suggestions.decide_in_clip(viewer, clip, [(await of(cast, clip))["card"].key], "undone")
    draft = await suggestions.decide_in_clip(viewer, clip, None, "accepted")
    assert draft != clip
    assert len((await service.load_clip(viewer, draft)).redactions) == 1
    assert (await service.load_clip(viewer, clip)).state == "published"


async def test_the_agent_heard_and_colleagues_are_no_secret_and_the_centres_list_is(
    cast: Cast, a_call: CallMaker
):
    recording = await a_call()
    await say(
        recording,
        (5_000, 7_000, "caller", "This is Amara, isn't it"),
        (7_000, 9_000, "caller", "or Kwame Osei maybe"),
        (9_000, 11_000, "caller", "no: acme rockets"),
    )
    clip = await a_draft(cast, recording)
    assert await of(cast, clip) == {}
    viewer = cast.viewer("trainer")
    assert await suggestions.add_names(viewer, "Acme  Rockets\n\nＡＣＭＥ rockets\n阿明") == 2
    assert await suggestions.add_names(viewer, "acme rockets") == 0
    assert (await of(cast, clip))["name"].words == "acme rockets"
    name = await PrivateName.objects().where(PrivateName.name == "Acme Rockets").first()
    assert name is not None
    await suggestions.remove_name(viewer, name.id)
    assert await of(cast, clip) == {}
    with pytest.raises(NotFound):
        await suggestions.remove_name(viewer, name.id)
    for wrong in ("", "x", "12345", "a" * 81):
        with pytest.raises(Invalid):
            await suggestions.add_names(viewer, wrong)


async def test_decisions_go_with_the_call(cast: Cast, told: UUID):
    clip = await a_draft(cast, told)
    await suggestions.decide_in_clip(cast.viewer("trainer"), clip, None, "rejected")
    stored = await SuggestionDecision.select()
    assert len(stored) == 2
    assert not re.search(
        r"4111|[Jj]oan",
        str(
            [
                {k: v for k, v in row.items() if k not in ("id", "recording", "clip", "by", "finding")}
                for row in stored
            ]
        ),
    )
    await call_jobs.erase(told, None, "asked for")
    await jobs.drain()
    assert await SuggestionDecision.count() == 0


async def test_who_may_not_hear_the_call_sees_and_decides_nothing(cast: Cast, told: UUID):
    clip = await a_draft(cast, told)
    key = (await of(cast, clip))["card"].key
    window = Span(5_000, 14_000)
    for name in ("agent", "manager", "admin", "other_lead"):
        with pytest.raises((NotFound, Forbidden)):
            await suggestions.decide(cast.viewer(name), told, key, "rejected", window=window)
        with pytest.raises((NotFound, Forbidden)):
            await suggestions.decide_in_clip(cast.viewer(name), clip, [key], "rejected")
    with pytest.raises(Forbidden):  # may cut, and not change what others cut
        await suggestions.decide_in_clip(cast.viewer("analyst"), clip, [key], "accepted")
    await suggestions.decide(cast.viewer("analyst"), told, key, "rejected", window=window)
    with pytest.raises(NotFound):
        await suggestions.decide(cast.viewer("analyst"), told, "0" * 32, "rejected", window=window)
    assert (await of(cast, clip))["card"].by_name == "Zhou Min"


async def test_a_program_that_says_nothing_is_stopped_by_numbers_and_not_by_guesses(
    cast: Cast, told: UUID, client: httpx.AsyncClient, use_token: Any
):
    clip = await a_draft(cast, told)
    address = f"/api/v1/clips/{clip}"
    await use_token(client, cast.trainer, "clips:read", "clips:write")
    assert (await client.post(f"{address}/publish")).json()["missing"] == ["redactions"], "a card is open"
    listed = (await client.get(f"{address}/suggestions")).json()["items"]
    card = {"ids": [listed[0]["id"]], "answer": "accepted"}
    await client.post(f"{address}/suggestions", json=card)
    await jobs.drain()
    refused = await client.post(f"{address}/publish", json={"privacy_checked": False})
    assert "redactions" in refused.json()["missing"], "said in so many words, a name counts"
    assert (await client.post(f"{address}/publish")).status_code == 200
    (_card, name) = (await client.get(f"{address}/suggestions")).json()["items"]
    assert (name["kind"], name["state"], name["decided_by"]) == ("name", "rejected", "Rosa Lind")


async def test_a_publication_that_says_so_decides_about_what_is_open(
    cast: Cast, told: UUID, client: httpx.AsyncClient, use_token: Any
):
    """Over the API: no body is no word about suggestions, an explicit one is, and is kept with a name."""
    clip = await a_draft(cast, told)
    address = f"/api/v1/clips/{clip}"
    await use_token(client, cast.trainer, "clips:read", "clips:write")
    bare = await client.post(f"{address}/publish")
    assert (bare.status_code, bare.json()["missing"]) == (409, ["redactions"])
    assert (await Clip.select(Clip.privacy_checked_at).where(Clip.id == clip).first())[
        "privacy_checked_at"
    ] is None

    listed = (await client.get(f"{address}/suggestions")).json()["items"]
    assert [(one["kind"], one["state"]) for one in listed] == [("card", "open"), ("name", "open")]
    card = {"ids": [listed[0]["id"]], "answer": "accepted"}
    changed = await client.post(f"{address}/suggestions", json=card)
    assert changed.json()["redactions"] == [{**listed[0]["redactions"][0], "mode": "beep"}]
    await jobs.drain()

    done = await client.post(f"{address}/publish", json={"privacy_checked": True})
    assert (done.status_code, done.json()["status"]) == (200, "published")
    listed = (await client.get(f"{address}/suggestions")).json()["items"]
    assert [(one["state"], one["decided_by"]) for one in listed] == [
        ("covered", "Rosa Lind"),
        ("rejected", "Rosa Lind"),
    ]
    assert (await client.post(f"{address}/suggestions", json={"answer": "maybe"})).status_code == 422

    # what was redacted is in no answer about the clip, and searching for it finds nothing
    assert "4111" not in (await client.get(address)).text.replace(str(clip), "")
    assert "4111" not in (await client.get(f"{address}/transcript.vtt")).text
    assert (await client.get("/api/v1/clips?q=4111")).json()["items"] == []
    assert len((await client.get("/api/v1/clips?q=how will you")).json()["items"]) == 1
    await jobs.drain()
    indexed = await SearchEntry.select(SearchEntry.words).where(SearchEntry.clip == clip)
    assert [entry for entry in indexed if "pay" in entry["words"]]
    assert not [entry for entry in indexed if "1111" in entry["words"]]

    await use_token(client, cast.agent, "clips:read", "clips:write")
    assert (await client.get(f"{address}/suggestions")).status_code == 404
    assert (await client.post(f"{address}/suggestions", json=card)).status_code == 403


async def test_the_pages_decide_and_say_who_did(
    cast: Cast, told: UUID, client: httpx.AsyncClient, sign_in: SignIn
):
    clip = await a_draft(cast, told)
    await sign_in(client, cast.trainer)
    page = (await client.get(f"/clips/{clip}")).text
    assert page.count("Leave as it is") == 4  # two buttons, each with its own name for a screen reader
    assert "Leave as it is: Card number" in page
    refused = await client.post(f"/clips/{clip}/publish", data={"privacy_checked": "1"})
    assert refused.status_code == 409
    assert "nobody has decided" in refused.text

    asked = {"start_ms": "5000", "end_ms": "14000", "lines": "0:05.0 - 0:06.0 caller: my PIN is 4 9 1 2"}
    answer = await client.post(f"/calls/{told}/suggestions", data=asked)
    in_editor = answer.json()["suggestions"]
    assert [one["kind"] for one in in_editor] == ["code", "card", "name"]
    assert in_editor[0]["parts"][0]["near"] is not None
    name = in_editor[2]["key"]
    left = await client.post(f"/calls/{told}/suggestions/{name}", data={**asked, "answer": "rejected"})
    assert [one["by"] for one in left.json()["suggestions"]] == [None, None, "Rosa Lind"]
    assert (await client.post(f"/calls/{told}/suggestions/{name}", data=asked)).status_code == 422
    assert (
        await client.post(f"/calls/{told}/suggestions/{'0' * 32}", data={**asked, "answer": "undone"})
    ).status_code == 404

    done = await client.post(f"/clips/{clip}/suggestions", data={"answer": "accepted"})
    assert (done.status_code, done.headers["location"]) == (303, f"/clips/{clip}#suggestions")
    page = (await client.get(f"/clips/{clip}")).text
    assert "Redacted by Rosa Lind" in page
    assert "Left as it is by Rosa Lind" in page
    assert "data-suggestions" in (await client.get(f"/clips/{clip}/edit")).text
    card = {"key": (await of(cast, clip))["card"].key}
    for said in ({}, {"answer": ""}, {"answer": "maybe"}):  # only who says "undone" hears the card again
        assert (await client.post(f"/clips/{clip}/suggestions", data={**card, **said})).status_code == 422
    assert (await of(cast, clip))["card"].state == "covered"

    assert (await client.get("/clips/names")).status_code == 200
    assert (await client.post("/clips/names", data={"names": "x"})).status_code == 422
    assert (await client.post("/clips/names", data={"names": "Acme Rockets"})).status_code == 303
    page = (await client.get("/clips/names")).text
    assert "Acme Rockets" in page
    await sign_in(client, cast.agent)
    for address in (f"/calls/{told}/suggestions", f"/clips/{clip}/suggestions", "/clips/names"):
        assert (await client.post(address, data=asked)).status_code == 403


async def test_nothing_is_looked_for_while_others_wait_to_write(
    cast: Cast, told: UUID, monkeypatch: pytest.MonkeyPatch
):
    """A long transcript takes its time to look through: one who publishes or decides holds no transaction in it."""
    clip, trainer = await a_draft(cast, told), cast.viewer("trainer")
    looked = []

    def watched(*args: Any, **options: Any) -> list[Suggestion]:
        looked.append(db.database().transaction_exists())
        return suggest(*args, **options)

    monkeypatch.setattr(suggestions, "suggest", watched)
    [key] = [one.key for one in (await of(cast, clip)).values() if one.kind == "name"]
    await suggestions.decide(trainer, told, key, "rejected", window=Span(5_000, 14_000))
    await suggestions.decide_in_clip(trainer, clip, None, "accepted")
    await jobs.drain()
    await publish(cast, clip)
    assert looked == [False] * 4


async def test_words_that_change_while_they_are_looked_through_are_looked_through_again(
    cast: Cast, a_call: CallMaker, monkeypatch: pytest.MonkeyPatch
):
    recording = await a_call()
    await say(recording, (5_000, 9_000, "caller", "nothing of note"))
    clip = await a_draft(cast, recording)
    segments_of = suggestions.segments_of
    corrected: list[bool] = []

    async def read_and_then_corrected(*args: Any) -> Any:
        words = await segments_of(*args)
        if not corrected:
            corrected.append(True)
            await say(recording, (5_000, 9_000, "caller", f"my card is {CARD}"))
            await Recording.update({Recording.transcript_revision: 2}).where(Recording.id == recording)
        return words

    monkeypatch.setattr(suggestions, "segments_of", read_and_then_corrected)
    with pytest.raises(Conflict) as refused:
        await publish(cast, clip)
    assert refused.value.extra["missing"] == ["redactions"]
