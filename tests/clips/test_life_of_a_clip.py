"""From draft to published, swapped, retired and erased: what each step needs, and what it leaves behind."""

from datetime import timedelta
from uuid import UUID

import pytest

from tests.clips.conftest import CallMaker
from tests.clips.makers import Cast, agreed, fields
from tests.counting import count_of
from trainer import db, facts, jobs
from trainer.calls.tables import Recording
from trainer.clips import service
from trainer.clips.arithmetic import REMOVED, Cut
from trainer.clips.reading import sound_key
from trainer.clips.tables import Clip
from trainer.problems import Conflict, Forbidden, Gone, Invalid, NotFound, PreconditionFailed
from trainer.storage import storage

pytestmark = pytest.mark.usefixtures("rules", "canned_sound")


@pytest.fixture
async def draft(cast: Cast, a_call: CallMaker) -> UUID:
    """A draft of the trainer's, its sound ready."""
    clip = await service.create_clip(cast.viewer("trainer"), await a_call(), fields())
    await jobs.drain()
    return clip


async def publish(cast: Cast, clip: UUID, who: str = "trainer") -> UUID:
    return await service.publish_clip(cast.viewer(who), clip, review="self", privacy_checked=True)


async def test_a_new_clip_waits_for_its_sound_and_gets_it(cast: Cast, a_call: CallMaker):
    viewer = cast.viewer("trainer")
    clip_id = await service.create_clip(viewer, await a_call(), fields())
    clip = await service.load_clip(viewer, clip_id)
    assert (clip.state, clip.render, clip.version, clip.curator) == ("draft", "queued", 1, viewer.id)
    await jobs.drain()
    clip = await service.load_clip(viewer, clip_id)
    assert clip.render == "ready"
    assert abs(clip.duration_ms - 9_000) <= 20  # 003-5
    assert len(clip.bars) == 120
    assert [line.text for line in clip.lines] == ["My card 4111 please.", "One moment."]
    assert [(rule.code, rule.version) for rule in clip.rules] == [("R01", 1)]


async def test_every_wrong_field_is_named_at_once(cast: Cast, a_call: CallMaker):
    wrong = fields(
        start_ms=19_000, end_ms=25_000, title=" ", polarity="great", redactions=(Cut(3_000, 2_000),)
    )
    with pytest.raises(Invalid) as refused:
        await service.create_clip(cast.viewer("trainer"), await a_call(), wrong)
    assert {error.field for error in refused.value.errors} == {"end_ms", "title", "polarity", "redactions"}


async def test_an_unknown_rule_and_a_cue_outside_the_clip_are_refused(cast: Cast, a_call: CallMaker):
    recording = await a_call()
    with pytest.raises(Invalid, match="R99"):
        await service.create_clip(cast.viewer("trainer"), recording, fields(rules=("R01", "R99")))
    with pytest.raises(Invalid) as refused:
        await service.create_clip(cast.viewer("trainer"), recording, fields(cue_ms=9_001))
    assert [error.field for error in refused.value.errors] == ["cue_ms"]


async def test_publishing_credits_the_curator_and_the_agent_heard_once(cast: Cast, draft: UUID):
    assert await publish(cast, draft) == draft
    clip = await service.load_clip(cast.viewer("agent"), draft)
    assert (clip.state, clip.version) == ("published", 1)
    for person in (cast.trainer, cast.agent):
        recorded = await facts.facts_of(person.id, ["clip_published"])
        assert [(fact.subject, fact.version) for fact in recorded] == [(str(draft), 1)]


async def test_a_counterexample_credits_nobody_who_is_heard(cast: Cast, a_call: CallMaker):
    viewer = cast.viewer("trainer")
    clip = await service.create_clip(viewer, await a_call(), fields(polarity="counterexample"))
    await jobs.drain()
    await agreed(cast, clip)
    await publish(cast, clip)
    assert await facts.facts_of(cast.agent.id, ["clip_published"]) == []
    assert (await service.load_clip(cast.viewer("manager"), clip)).agent_name is None
    assert (await service.load_clip(viewer, clip)).agent_name == "Amara Nwosu"


async def test_what_is_missing_is_named_and_nothing_is_published(cast: Cast, a_call: CallMaker):
    viewer = cast.viewer("trainer")
    clip = await service.create_clip(viewer, await a_call(transcript=False), fields(rules=()))
    with pytest.raises(Conflict) as refused:
        await service.publish_clip(viewer, clip, review="self")
    assert refused.value.name == "clip-not-publishable"
    assert refused.value.extra["missing"] == ["render", "transcript", "rules", "privacy_check"]
    assert (await service.load_clip(viewer, clip)).state == "draft"


async def test_a_clip_without_speech_needs_no_transcript(cast: Cast, a_call: CallMaker):
    viewer = cast.viewer("trainer")
    clip = await service.create_clip(viewer, await a_call(transcript=False), fields(no_speech=True))
    await jobs.drain()
    await publish(cast, clip)
    assert (await service.load_clip(viewer, clip)).state == "published"


async def test_a_call_past_its_keep_until_lets_no_clip_be_published_or_heard(cast: Cast, draft: UUID):
    viewer = cast.viewer("trainer")
    over = db.utc_now() - timedelta(minutes=1)
    await Recording.update({Recording.expires_at: over}, force=True)
    with pytest.raises(Gone):
        await publish(cast, draft)
    with pytest.raises(Gone):
        await service.load_sound(viewer, draft)
    assert await service.visible_clips(viewer, states=("draft",)) == []


async def test_in_review_somebody_else_publishes(cast: Cast, draft: UUID):
    first, second = cast.viewer("trainer"), cast.viewer("second_trainer")
    with pytest.raises(Conflict) as early:
        await service.publish_clip(first, draft, review="second", privacy_checked=True)
    assert early.value.extra["missing"] == ["review"]
    await service.submit_clip(first, draft)
    with pytest.raises(Conflict) as own:
        await service.publish_clip(first, draft, review="second", privacy_checked=True)
    assert own.value.extra["missing"] == ["second_person"]
    await service.publish_clip(second, draft, review="second", privacy_checked=True)
    assert (await service.load_clip(first, draft)).state == "published"


async def test_a_clip_edited_in_review_is_a_draft_again(cast: Cast, draft: UUID):
    await service.submit_clip(cast.viewer("trainer"), draft)
    clip = await service.load_clip(cast.viewer("second_trainer"), draft)
    changed = fields(title="Another title")
    await service.edit_clip(cast.viewer("second_trainer"), draft, changed, revision=clip.revision)
    assert (await service.load_clip(cast.viewer("trainer"), draft)).state == "draft"


async def test_an_edit_of_an_older_revision_changes_nothing_and_names_who_was_first(cast: Cast, draft: UUID):
    first, second = cast.viewer("trainer"), cast.viewer("second_trainer")
    seen = (await service.load_clip(first, draft)).revision
    await service.edit_clip(second, draft, fields(title="Mei's title"), revision=seen)
    with pytest.raises(PreconditionFailed, match="Mei Tan") as refused:
        await service.edit_clip(first, draft, fields(title="Rosa's title"), revision=seen)
    assert refused.value.extra["by"] == "Mei Tan"
    assert (await service.load_clip(first, draft)).title == "Mei's title"


async def test_an_edit_of_words_keeps_the_sound_and_one_of_the_range_asks_for_it_again(
    cast: Cast, draft: UUID
):
    viewer = cast.viewer("trainer")
    before = await service.load_sound(viewer, draft)
    await service.edit_clip(viewer, draft, fields(title="Other words"), revision=1)
    assert await service.load_sound(viewer, draft) == before
    await service.edit_clip(viewer, draft, fields(end_ms=13_000), revision=2)
    assert (await service.load_clip(viewer, draft)).render == "queued"
    with pytest.raises(Conflict, match="still being made"):
        await service.load_sound(viewer, draft)
    await jobs.drain()
    assert (await service.load_sound(viewer, draft)).etag != before.etag


async def test_a_change_of_sound_takes_the_privacy_check_away(cast: Cast, draft: UUID):
    viewer = cast.viewer("trainer")
    await publish(cast, draft)
    clip = await service.load_clip(viewer, draft)
    same = await service.edit_clip(viewer, draft, fields(title="New title"), revision=clip.revision)
    assert (await service.load_clip(viewer, same)).privacy_checked_at is not None
    await service.edit_clip(viewer, same, fields(redactions=(Cut(7_000, 8_000),)), revision=1)
    assert (await service.load_clip(viewer, same)).privacy_checked_at is None


async def test_editing_a_published_clip_begins_a_next_version_and_publishing_swaps_it_in(
    cast: Cast, draft: UUID
):
    viewer, agent = cast.viewer("trainer"), cast.viewer("agent")
    await publish(cast, draft)
    named, old_sound = draft, await service.load_sound(agent, draft)
    revision = (await service.load_clip(viewer, named)).revision
    second = await service.edit_clip(
        viewer, named, fields(title="Shorter", end_ms=13_000, rules=("R02",)), revision=revision
    )
    assert second != named
    assert (await service.load_clip(agent, named)).title == "Recap the money"
    assert (await service.load_clip(viewer, named)).draft == second
    with pytest.raises(Conflict, match="is there already"):
        await service.edit_clip(viewer, named, fields(title="Once more"), revision=revision)
    await jobs.drain()
    assert await publish(cast, second) == named
    present = await service.load_clip(agent, named)
    assert (present.title, present.version, present.state, present.draft) == ("Shorter", 2, "published", None)
    assert [rule.code for rule in present.rules] == ["R02"]
    assert (await service.load_sound(agent, named)).etag != old_sound.etag
    # the old version is kept on the draft's row, for history
    old = await service.load_clip(viewer, second)
    assert (old.title, old.version, old.state, old.named) == ("Recap the money", 1, "superseded", named)
    assert [rule.code for rule in old.rules] == ["R01"]
    assert (await service.load_sound(viewer, second)).etag == old_sound.etag
    assert [v.id for v in await service.old_versions(viewer, present)] == [second]
    assert await count_of("clip_published", person=cast.trainer.id) == 1
    with pytest.raises(NotFound):
        await service.load_clip(agent, second)


async def test_publishing_by_the_id_of_the_published_clip_publishes_its_draft(cast: Cast, draft: UUID):
    viewer = cast.viewer("trainer")
    await publish(cast, draft)
    await service.edit_clip(viewer, draft, fields(title="Second"), revision=2)
    assert await publish(cast, draft) == draft
    assert (await service.load_clip(viewer, draft)).version == 2


async def test_a_published_clip_is_not_published_twice(cast: Cast, draft: UUID):
    await publish(cast, draft)
    with pytest.raises(Conflict) as refused:
        await publish(cast, draft)
    assert refused.value.name == "already-published"


async def test_a_retired_clip_is_out_of_lists_and_comes_back(cast: Cast, draft: UUID):
    viewer, agent = cast.viewer("trainer"), cast.viewer("agent")
    await publish(cast, draft)
    rule = (await service.load_clip(viewer, draft)).rules[0].id
    assert [clip.id for clip in (await service.clips_of_rules([rule]))[rule]] == [draft]
    await service.retire_clip(viewer, draft)
    assert await service.visible_clips(agent) == []
    assert (await service.clips_of_rules([rule]))[rule] == []
    with pytest.raises(NotFound):
        await service.load_sound(agent, draft)
    assert (await service.load_sound(viewer, draft)).size > 0
    await service.restore_clip(viewer, draft)
    assert [clip.id for clip in await service.visible_clips(agent)] == [draft]


async def test_whoever_learned_with_a_retired_clip_still_hears_it(
    cast: Cast, draft: UUID, monkeypatch: pytest.MonkeyPatch
):
    from trainer.clips import reading

    monkeypatch.setattr(reading, "_history_checks", [])
    await publish(cast, draft)
    await service.retire_clip(cast.viewer("trainer"), draft)

    async def learned(person: UUID, clip: UUID) -> bool:
        return person == cast.agent.id and clip == draft

    service.allow_history(learned)
    assert (await service.load_sound(cast.viewer("agent"), draft)).size > 0
    with pytest.raises(NotFound):
        await service.load_sound(cast.viewer("manager"), draft)


async def test_a_draft_is_deleted_and_a_published_clip_is_not(cast: Cast, draft: UUID, a_call: CallMaker):
    viewer = cast.viewer("trainer")
    await publish(cast, draft)
    with pytest.raises(Conflict):
        await service.delete_clip(viewer, draft)
    other = await service.create_clip(viewer, await a_call(), fields())
    await service.delete_clip(cast.viewer("admin"), other)
    with pytest.raises(NotFound):
        await service.load_clip(viewer, other)
    with pytest.raises(Forbidden):
        await service.delete_clip(cast.viewer("analyst"), draft)


async def test_with_a_call_go_all_clips_cut_from_it(cast: Cast, a_call: CallMaker):
    viewer = cast.viewer("trainer")
    recording, other = await a_call(), await a_call()
    published = await service.create_clip(viewer, recording, fields())
    open_draft = await service.create_clip(viewer, recording, fields(end_ms=12_000))
    kept = await service.create_clip(viewer, other, fields())
    await jobs.drain()
    await publish(cast, published)
    heard: list[dict[str, object]] = []

    async def lost(context: jobs.JobContext, event: dict[str, object]) -> None:
        heard.append(event)

    jobs.on("clip_lost")(lost)
    keys = [
        sound_key(recording, (await service.load_sound(viewer, clip)).etag)
        for clip in (published, open_draft)
    ]
    await Recording.update({Recording.state: "erased"}).where(Recording.id == recording)
    # the sound is out of reach at once, before any job has run
    with pytest.raises(Gone):
        await service.load_sound(viewer, published)
    await jobs.publish("recording_erased", {"recording": str(recording)})
    await jobs.drain()
    for clip in (published, open_draft):
        with pytest.raises(Gone):
            await service.load_clip(viewer, clip)
    with pytest.raises(NotFound):
        await service.load_clip(cast.viewer("agent"), open_draft)
    assert [await storage().exists(key) for key in keys] == [False, False]
    rows = await Clip.select(Clip.title, Clip.transcript, Clip.bars).where(Clip.recording == recording)
    assert {(row["title"], row["transcript"], row["bars"]) for row in rows} == {("{}", "[]", "[]")}
    assert heard == [{"clip": str(published), "rules": ["R01"]}]
    assert (await service.load_sound(viewer, kept)).size > 0
    assert await count_of("clip_published", person=cast.trainer.id) == 1
    jobs._subscribers["clip_lost"].remove("clip_lost:" + f"{lost.__module__}.lost")


async def test_redacted_words_are_gone_from_the_transcript_and_from_search(cast: Cast, a_call: CallMaker):
    viewer = cast.viewer("trainer")
    clip_id = await service.create_clip(viewer, await a_call(), fields(redactions=(Cut(7_000, 8_000),)))
    clip = await service.load_clip(viewer, clip_id)
    assert [line.text for line in clip.lines] == [f"My card {REMOVED} please.", "One moment."]
    assert "4111" not in service.web_vtt(clip.lines)
    assert await service.visible_clips(viewer, states=("draft",), words="4111") == []
    assert [c.id for c in await service.visible_clips(viewer, states=("draft",), words="MOMENT")] == [clip_id]


async def test_search_takes_wildcards_as_letters_and_finds_chinese(cast: Cast, a_call: CallMaker):
    viewer, recording = cast.viewer("trainer"), await a_call()
    clip = await service.create_clip(viewer, recording, fields(title="耐心听完 100%"))
    await service.create_clip(viewer, recording, fields(title="Something else"))

    async def found(words: str) -> list[UUID]:
        return [c.id for c in await service.visible_clips(viewer, states=("draft",), words=words)]

    assert await found("听") == [clip]
    assert await found("0%") == [clip]
    assert await found("_%_") == []


async def test_lists_go_on_where_the_page_before_ended(cast: Cast, a_call: CallMaker):
    viewer, recording = cast.viewer("trainer"), await a_call()
    made = [await service.create_clip(viewer, recording, fields(title=f"Clip {n}")) for n in range(5)]
    seen: list[UUID] = []
    after = None
    while page := await service.visible_clips(viewer, states=("draft",), limit=2, after=after):
        seen += [clip.id for clip in page]
        after = (page[-1].updated_at, page[-1].id)
    assert sorted(seen) == sorted(made)
    assert len(seen) == 5


async def test_a_rule_that_says_the_same_in_its_next_version_takes_its_clips_along(cast: Cast, draft: UUID):
    clip = await service.load_clip(cast.viewer("trainer"), draft)
    rule = clip.rules[0]
    from trainer.rulebook.tables import RuleVersion

    await RuleVersion.update({RuleVersion.state: "superseded"}).where(RuleVersion.rule == rule.id)
    await RuleVersion.insert(
        RuleVersion(id=db.new_id(), rule=rule.id, version=2, state="published", created_at=db.utc_now())
    )
    event = {"rule": str(rule.id), "code": "R01", "version": 2, "previous": 1, "carries": False}
    await jobs.publish("rule_published", event)
    await jobs.drain()
    assert (await service.load_clip(cast.viewer("trainer"), draft)).rules[0].outdated
    await jobs.publish("rule_published", {**event, "carries": True})
    await jobs.drain()
    carried = (await service.load_clip(cast.viewer("trainer"), draft)).rules[0]
    assert (carried.version, carried.outdated) == (2, False)
