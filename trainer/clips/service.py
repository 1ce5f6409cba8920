"""The life of a clip: submitted, published, swapped. The door to this room.

Reading lives in `reading`, typing in `editing`, sound in `rendering`, the agents' word in `consent`, what ends a
use in `out_of_use`, starter libraries in `library`; other domains import what they need from here.
Invariant: what is published is complete (sound, words, privacy, a living call, a rule, the yes of the agent heard
where a moment went wrong), happens once however
many people press the button, and keeps the id that everything else names.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec

from trainer import db, facts, jobs
from trainer.calls import keeping
from trainer.clips.arithmetic import Cut, Line, web_vtt
from trainer.clips.editing import create_clip, edit_clip
from trainer.clips.fields import ClipFields, RuleCue
from trainer.clips.finding import words_key
from trainer.clips.out_of_use import (
    delete_clip,
    put_back,
    restore_clip,
    retire_clip,
    take_down,
)
from trainer.clips.reading import (
    OPEN_STATES,
    POLARITIES,
    allow_history,
    clips_by_ids,
    clips_by_slugs,
    clips_of_rules,
    gap_sentence,
    load_clip,
    load_sound,
    old_versions,
    place_after,
    place_of,
    taken_down_sentence,
    visible_clips,
)
from trainer.clips.rendering import failure_sentence
from trainer.clips.reviewing.service import (
    Review,
    approvals,
    approve,
    eyes_wanted,
    note,
    return_clip,
    said_of,
    submit_clip,
)
from trainer.clips.reviewing.service import close as close_review
from trainer.clips.standing import hold_consent, require_trainer
from trainer.clips.suggestions import service as suggestions
from trainer.clips.tables import Clip, ClipRule
from trainer.clips.views import ClipView, RuleRef, Sound
from trainer.clips.words import words_of_call
from trainer.jobs import JobContext
from trainer.people.audit import record_audit
from trainer.problems import Conflict
from trainer.web.i18n import _
from trainer.web.session import Viewer

__all__ = [
    "OPEN_STATES",
    "POLARITIES",
    "ClipFields",
    "ClipView",
    "Cut",
    "Line",
    "Review",
    "RuleCue",
    "RuleRef",
    "Sound",
    "allow_history",
    "approve",
    "clips_by_ids",
    "clips_by_slugs",
    "clips_of_rules",
    "create_clip",
    "delete_clip",
    "edit_clip",
    "failure_sentence",
    "gap_sentence",
    "load_clip",
    "load_sound",
    "missing_for",
    "missing_sentences",
    "note",
    "old_versions",
    "place_after",
    "place_of",
    "publish_clip",
    "put_back",
    "restore_clip",
    "retire_clip",
    "return_clip",
    "submit_clip",
    "take_down",
    "taken_down_sentence",
    "visible_clips",
    "web_vtt",
]

MayStay = Literal["nothing", "guesses", "all"]
# A call whose words change faster than they are looked through is published later.
_TURNS = 3

# What a version holds; what does not move with it (id, replaces, slug, state, revision) stays on its row.
_CONTENT = (
    "version",
    "title",
    "polarity",
    "note",
    "why",
    "language",
    "start_ms",
    "end_ms",
    "cue_ms",
    "redactions",
    "no_speech",
    "privacy_checked_by",
    "privacy_checked_at",
    "render",
    "render_key",
    "render_error",
    "duration_ms",
    "size_bytes",
    "bars",
    "transcript",
    "words_key",
    "typed",
    "about",
    "submitted_by",
    "updated_by",
    "published_at",
    "published_by",
)


def missing_sentences() -> dict[str, str]:
    """What a clip may lack before it is published, in words, in the order in which it is done."""
    return {
        "render": _("The sound is not ready yet."),
        "transcript": _("There is no transcript of this part, and it is not marked as without speech."),
        "rules": _("It is pinned to no rule."),
        "redactions": _("Something in it may be personal data, and nobody has decided about it yet."),
        "privacy_check": _("Nobody has said yet that they listened for personal data."),
        "recording": _("The call it was cut from may not be kept any longer."),
        "agent_consent": _("The agent heard has not said yes to this use of their voice."),
        "review": _("It has not been handed in for review."),
        "second_person": _("Somebody other than the person who handed it in has to look at it first."),
    }


def missing_for(
    clip: ClipView,
    viewer: Viewer | None,
    *,
    review: Review,
    privacy_checked: bool = False,
    approved: Iterable[UUID] = (),
    undecided: bool = False,
) -> list[str]:
    """What stands between this clip and being published by this viewer: codes of `missing_sentences`.

    `approved`: who has approved it as it is (see `reviewing`). `undecided`: a suggested redaction is open.
    """
    kept = clip.expires_at is None or clip.expires_at > db.utc_now()
    lacks = {
        "render": clip.render != "ready",
        "transcript": not clip.lines and not clip.no_speech,
        "rules": not clip.rules,
        "redactions": undecided,
        "privacy_check": not privacy_checked and clip.privacy_checked_at is None,
        "recording": clip.recording_state != "ready" or not kept,
        "agent_consent": not clip.agreed,
        **eyes_wanted(clip, viewer, review, approved),
    }
    return [code for code in missing_sentences() if lacks[code]]


async def publish_clip(
    viewer: Viewer | None,
    clip_id: UUID,
    *,
    review: Review,
    privacy_checked: bool = False,
    may_stay: MayStay = "nothing",
    at: datetime | None = None,
) -> UUID:
    """Publish a draft, or the draft beside a published clip; returns the id that the clip is known by.

    `privacy_checked`: the viewer says that they listened for personal data. `may_stay`: what of the suggested
    redactions that nobody decided they let stay (the `guesses` are names and such, told from how people speak), which
    is kept in their name; the system itself lets all stay. `at` dates an imported library.
    Raises NotFound, Gone, Forbidden; Conflict `clip-not-publishable` with `missing`, or `already-published`.
    """
    for _turn in range(_TURNS):
        clip = await _draft_of(viewer, clip_id)
        # before the transaction: in a long transcript this takes its time, and nobody else could write meanwhile
        looked = await suggestions.look_at(clip)
        async with db.transaction():
            seen, clip = clip, await _draft_of(viewer, clip_id)
            if (clip.id, clip.revision) != (seen.id, seen.revision):
                raise _changed_meanwhile()
            # a withdrawal waits for this, or this for the withdrawal
            clip = replace(clip, consent=await hold_consent(clip))
            if (lines := await words_of_call(clip)) != clip.lines:
                # the call's words were corrected since: whoever looked for personal data read others
                clip = replace(clip, lines=lines, privacy_checked_at=None)
            if not await suggestions.outdated(looked):
                doubts = await suggestions.undecided(clip, looked)
                await _publish(
                    viewer,
                    clip,
                    doubts,
                    review=review,
                    privacy_checked=privacy_checked,
                    undecided=viewer is not None and any(_stops(one, may_stay) for one in doubts),
                    now=at or db.utc_now(),
                )
                return clip.named
    raise _changed_meanwhile()


async def _draft_of(viewer: Viewer | None, clip_id: UUID) -> ClipView:
    """A draft, or the one beside a published clip, as it is now. Raises as `publish_clip`."""
    clip = await load_clip(viewer, clip_id, stopped=True)
    require_trainer(viewer, clip)
    if clip.draft is not None:
        clip = await load_clip(viewer, clip.draft)
    if clip.state not in OPEN_STATES:
        raise _wrong_state(clip)
    return clip


def _stops(doubt: suggestions.Judged, may_stay: MayStay) -> bool:
    return may_stay == "nothing" or (may_stay == "guesses" and not doubt.guessed)


async def _publish(
    viewer: Viewer | None,
    clip: ClipView,
    doubts: Sequence[suggestions.Judged],
    *,
    review: Review,
    privacy_checked: bool,
    undecided: bool,
    now: datetime,
) -> None:
    """Inside a transaction: publish what was just loaded and looked at; its open `doubts` stay in the viewer's name."""
    approved = approvals(clip, await said_of(clip))
    missing = missing_for(
        clip,
        viewer,
        review=review,
        privacy_checked=privacy_checked,
        approved=approved,
        undecided=undecided,
    )
    if missing:
        sentences = missing_sentences()
        raise Conflict(
            _("This clip cannot be published yet.") + " " + " ".join(sentences[code] for code in missing),
            slug="clip-not-publishable",
            missing=missing,
        )
    await suggestions.declare_checked(viewer, clip, doubts)
    changes: dict[Any, Any] = {
        Clip.state: "published",
        Clip.published_at: now,
        Clip.published_by: viewer.id if viewer else clip.curator,
        Clip.updated_at: now,
        Clip.revision: clip.revision + 1,
        Clip.transcript: msgspec.json.encode([line.as_dict() for line in clip.lines]).decode(),
        Clip.words_key: words_key(clip.titles, clip.notes, clip.lines),
    }
    if privacy_checked:
        changes |= {
            Clip.privacy_checked_at: now,
            Clip.privacy_checked_by: viewer.id if viewer else clip.curator,
        }
    mine = (Clip.id == clip.id) & (Clip.revision == clip.revision) & Clip.state.is_in(list(OPEN_STATES))
    first = await Clip.update(changes).where(mine & (Clip.render == "ready")).returning(Clip.id)
    if not first:
        raise _wrong_state(await load_clip(viewer, clip.named, stopped=True))
    if clip.replaces is not None:
        await keeping.hold(clip.recording)
        await _swap_in(clip.id, clip.replaces)
    await _tell_published(clip, now)
    await close_review(clip)
    looked = sorted(str(person) for person in approved)
    alone = viewer is not None and not approved and clip.submitted_by in (None, viewer.id)
    seen = {"version": clip.version, "review": review, "approved_by": looked, "alone": alone}
    await record_audit(viewer, "clip_published", "clip", str(clip.named), seen)


async def _swap_in(draft: UUID, named: UUID) -> None:
    """The named row takes over the new version; the draft's row keeps the old one, for history."""
    new = await Clip.select().where(Clip.id == draft).first()
    old = await Clip.select().where(Clip.id == named).first()
    assert new is not None
    assert old is not None
    kept: dict[Any, Any] = {name: old[name] for name in _CONTENT}
    stopped = old["state"] == "taken_down"  # what was taken down stays silent, in history too
    await Clip.update(kept | {"state": "taken_down" if stopped else "superseded"}).where(Clip.id == draft)
    moved: dict[Any, Any] = {
        "state": "published",
        "revision": old["revision"] + 1,
        "retired_at": None,
        "taken_down_at": None,
        "taken_down_by": None,
        "taken_down_why": "",
        "updated_at": new["updated_at"],
    }
    if new["about"] != old["about"]:  # what was renewed is another sound: this one ends with its call
        moved |= {"keep_basis": "", "keep_until": None, "expires_at": None, "expiry_warned_at": None}
    living = Clip.state.is_in(["published", "retired", "taken_down"]) & (Clip.revision == old["revision"])
    if not (
        await Clip.update({name: new[name] for name in _CONTENT} | moved)
        .where((Clip.id == named) & living)
        .returning(Clip.id)
    ):
        raise Conflict(
            _("The clip that this draft replaces was changed at this moment."), slug="changed-meanwhile"
        )
    links = await ClipRule.select().where(ClipRule.clip.is_in([draft, named]))
    await ClipRule.delete().where(ClipRule.clip.is_in([draft, named]))
    other = {draft: named, named: draft}
    if links:
        await ClipRule.insert(*[ClipRule(**{**link, "clip": other[link["clip"]]}) for link in links])


async def _tell_published(clip: ClipView, at: datetime) -> None:
    """Facts for whoever cut it and, in an exemplar, for the agent heard (002-6): once for all versions."""
    credited = [("curator", clip.curator)]
    if clip.polarity == "exemplar" and not clip.staged:
        credited.append(("agent", clip.agent))
    for part, person in credited:
        if person is not None:
            await facts.record(
                "clip_published",
                person=person,
                subject=str(clip.named),
                version=clip.version,
                at=at,
                source=f"clip_published:{clip.named}:{part}",
                data={"as": part, "polarity": clip.polarity},
            )
    await jobs.publish(
        "clip_published",
        {
            "clip": str(clip.named),
            "version": clip.version,
            "curator": str(clip.curator) if clip.curator else None,
            "polarity": clip.polarity,
            "rules": [rule.code for rule in clip.rules],
        },
    )


def _changed_meanwhile() -> Conflict:
    return Conflict(_("This clip was changed at this moment. Look at it again."), slug="changed-meanwhile")


def _wrong_state(clip: ClipView) -> Conflict:
    if clip.state == "published":
        return Conflict(_("This clip is published already."), slug="already-published", state=clip.state)
    if clip.state in OPEN_STATES:
        return _changed_meanwhile()
    return Conflict(_("This clip is not a draft."), slug="wrong-state", state=clip.state)


@jobs.on("rule_published")
async def carry_rule_over(context: JobContext, event: dict[str, Any]) -> None:
    """A new version of a rule that says the same takes its clips along; else they stay with the old one."""
    if not event["carries"] or event["previous"] is None:
        return
    pinned = (ClipRule.rule == UUID(event["rule"])) & (ClipRule.rule_version == event["previous"])
    await ClipRule.update({ClipRule.rule_version: event["version"]}).where(pinned)
