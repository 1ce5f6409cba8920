"""Making and changing clips: what may be typed, what a change does to the sound, and two people at one draft.

Invariant: an edit is carried out on the revision that its author saw or not at all, and any change of range
or redactions sends the sound back to the queue and takes the privacy check away.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec

from trainer import db, jobs
from trainer.calls import queries as recordings
from trainer.calls.service import load_for_hearing, segments_of
from trainer.calls.views import RecordingView, recording_of
from trainer.clips import queries
from trainer.clips.arithmetic import Line, Span, about_key, render_key
from trainer.clips.fields import ClipFields, Wording, checked
from trainer.clips.finding import words_key
from trainer.clips.kept_words import clip_transcript, typed_transcript
from trainer.clips.reading import OPEN_STATES, load_clip
from trainer.clips.rendering import RENDER_SETTINGS, render_clip
from trainer.clips.tables import Clip, ClipRule
from trainer.clips.views import ClipView
from trainer.people.audit import record_audit
from trainer.problems import Conflict, Forbidden, Invalid, PreconditionFailed
from trainer.web.i18n import _, current_locale, text_in
from trainer.web.session import Viewer

# States of a named row beside which a draft of the next version is made: what was taken down is mended so.
BRANCHING = ("published", "taken_down")


async def create_clip(
    viewer: Viewer | None,
    recording_id: UUID,
    fields: ClipFields,
    *,
    slug: str | None = None,
    curator: UUID | None = None,
) -> UUID:
    """Cut a draft out of a call and have its sound made; returns its id.

    Raises NotFound or Gone for the call, Forbidden for roles that do not cut, Conflict before the call is
    ready and Invalid naming every wrong field. `viewer` None is an import; `curator` is then who it is
    credited to.
    """
    recording = await _to_cut(viewer, recording_id)
    fields = checked(fields, recording.duration_ms or 0)
    now = db.utc_now()
    async with db.transaction():
        pins = await _pinned(fields, recording.language)
        clip_id = db.new_id()
        shaped = await _shaped(recording_id, recording.sha256, fields, clip_id, viewer)
        await Clip.insert(
            Clip(
                id=clip_id,
                recording=recording_id,
                slug=slug,
                language=recording.language,
                curator=viewer.id if viewer else curator,
                created_at=now,
                updated_at=now,
                updated_by=viewer.id if viewer else curator,
                **_written(_worded(fields, recording.language, None), shaped),
            )
        )
        await _link(clip_id, pins)
        await record_audit(viewer, "clip_created", "clip", str(clip_id), {"recording": str(recording_id)})
        await jobs.publish("clip_changed", {"clip": str(clip_id)})
    return clip_id


async def _to_cut(viewer: Viewer | None, recording_id: UUID) -> RecordingView:
    """The call, ready to be cut by this viewer."""
    if viewer is not None:
        recording = await load_for_hearing(viewer, recording_id)
        if not viewer.has("trainer", "qa_analyst", "team_lead"):
            raise Forbidden(_("Clips are cut by trainers, QA analysts and team leads."))
        return recording
    row = await recordings.one(recording_id)
    if row is None or row["state"] != "ready":
        raise Conflict(_("This call is not ready to be cut."), slug="not-ready")
    return recording_of(row, may_hear=True)


async def edit_clip(
    viewer: Viewer | None, clip_id: UUID, fields: ClipFields, *, revision: int, quietly: bool = False
) -> UUID:
    """Save a clip as its author saw it in `revision`; returns the id of the row that was written.

    `quietly`: saved by itself while somebody types; the log tells of an edit, not of each pause in it.

    A draft is changed in place (one in review is a draft again, but never `quietly`). Of a published clip, a draft
    of the next version is made beside it and its id returned. Raises NotFound, Gone, Forbidden, Invalid;
    PreconditionFailed with `by` and `at` when somebody saved meanwhile; Conflict for a state that is not
    edited, `in-review` where only a person may take it back.
    """
    clip = await load_clip(viewer, clip_id, stopped=True)
    _require_editor(viewer, clip)
    require_source(clip)
    if clip.state not in (*OPEN_STATES, *BRANCHING):
        raise Conflict(
            _("This clip is retired. Restore it first, then edit it.")
            if clip.state == "retired"
            else _("This is an earlier version. Edit the present one."),
            slug="wrong-state",
            state=clip.state,
        )
    fields = checked(fields, clip.recording_ms)
    async with db.transaction():
        row = await queries.clip_row(clip_id)
        assert row is not None
        if row["revision"] != revision:
            raise changed_meanwhile(row)
        if row["state"] in BRANCHING:
            return await _branch(viewer, row, fields)
        if quietly and row["state"] == "in_review":
            raise Conflict(_("It is in review. Save it by hand to take it back."), slug="in-review")
        pins = await _pinned(fields, row["language"], keep=clip_id)
        shaped = await _shaped(row["recording"], row["sha256"], fields, clip_id, viewer, before=row)
        changes = _written(_worded(fields, row["language"], row), shaped)
        saved = (
            await Clip.update({**changes, **_touched(viewer), "state": "draft", "revision": revision + 1})
            .where((Clip.id == clip_id) & (Clip.revision == revision) & Clip.state.is_in(list(OPEN_STATES)))
            .returning(Clip.id)
        )
        if not saved:
            raise changed_meanwhile(await queries.clip_row(clip_id) or row)
        await ClipRule.delete().where(ClipRule.clip == clip_id)
        await _link(clip_id, pins)
        if not (quietly and viewer is not None and row["updated_by"] == viewer.id):
            await record_audit(viewer, "clip_edited", "clip", str(clip_id), {"revision": revision + 1})
        await jobs.publish("clip_changed", {"clip": str(clip_id)})
    return clip_id


def require_source(clip: ClipView) -> None:
    """Raises Conflict `nothing-to-cut` for a renewed clip whose call is over."""
    if clip.sourceless:
        raise Conflict(
            _(
                "The call that this clip was cut from is over, so there is nothing to cut from any more. "
                "The clip itself is kept as it is."
            ),
            slug="nothing-to-cut",
        )


def _require_editor(viewer: Viewer | None, clip: ClipView) -> None:
    if viewer is not None and not (viewer.has("trainer") and clip.makes):
        raise Forbidden(_("Clips are edited by the trainers who work with the call."))


def changed_meanwhile(row: dict[str, Any]) -> PreconditionFailed:
    """The refusal that names who saved and when."""
    return PreconditionFailed(
        _("%(name)s saved this clip while you were editing it.")
        % {"name": row["updated_by_name"] or _("Somebody")},
        by=row["updated_by_name"] or "",
        at=row["updated_at"].isoformat(),
    )


async def _branch(viewer: Viewer | None, row: dict[str, Any], fields: ClipFields) -> UUID:
    """A draft of the next version beside a published clip."""
    if row["draft"] is not None:
        raise Conflict(
            _("A draft of the next version is there already. Go on with that one."),
            slug="draft-exists",
            draft=str(row["draft"]),
        )
    pins = await _pinned(fields, row["language"], keep=row["id"])
    draft = db.new_id()
    shaped = await _shaped(row["recording"], row["sha256"], fields, draft, viewer, before=row)
    try:
        async with db.savepoint():
            await Clip.insert(
                Clip(
                    id=draft,
                    recording=row["recording"],
                    replaces=row["id"],
                    version=row["version"] + 1,
                    language=row["language"],
                    curator=row["curator"],
                    tag=row["own_tag"],
                    created_at=db.utc_now(),
                    **_touched(viewer),
                    **_written(_worded(fields, row["language"], row), shaped),
                )
            )
    except db.UniqueViolation as error:
        raise Conflict(
            _("Somebody began the next version at this moment. Load the page again."), slug="draft-exists"
        ) from error
    await _link(draft, pins)
    await jobs.publish("clip_changed", {"clip": str(draft)})
    await record_audit(viewer, "clip_version_begun", "clip", str(row["id"]), {"version": row["version"] + 1})
    return draft


def _touched(viewer: Viewer | None) -> dict[Any, Any]:
    return {"updated_at": db.utc_now(), "updated_by": viewer.id if viewer else None}


def _worded(fields: ClipFields, language: str, before: dict[str, Any] | None) -> dict[Any, Any]:
    """The columns that hold what was written."""
    columns: dict[Any, Any] = {
        "polarity": fields.polarity,
        "cue_ms": fields.cue_ms,
        "no_speech": fields.no_speech,
    }
    for name, wording in (("title", fields.title), ("note", fields.note), ("why", fields.why)):
        columns[name] = _rewritten(wording, before[name] if before else "{}", language)
    return columns


def _written(worded: dict[Any, Any], shaped: dict[Any, Any]) -> dict[Any, Any]:
    """All columns of an edit."""
    decode = msgspec.json.decode
    lines = [Line(**line) for line in decode(shaped["transcript"])]
    key = words_key(decode(worded["title"]), decode(worded["note"]), lines)
    return {**worded, **shaped, "words_key": key}


def _rewritten(wording: Wording, before: str, language: str) -> str:
    """Texts by language, as JSON. A sentence replaces the wording that its author was shown."""
    texts: dict[str, str] = msgspec.json.decode(before)
    if not isinstance(wording, str):
        texts = dict(wording)
    elif wording.strip() != text_in(texts):
        texts[current_locale() if current_locale() in texts else language] = wording.strip()
    return msgspec.json.encode({locale: text for locale, text in texts.items() if text}).decode()


async def _shaped(
    recording: UUID,
    sha256: str,
    fields: ClipFields,
    clip_id: UUID,
    viewer: Viewer | None,
    *,
    before: dict[str, Any] | None = None,
) -> dict[Any, Any]:
    """The columns that follow from range and redactions. Asks for the sound, unless it is there already."""
    window = Span(fields.start_ms, fields.end_ms)
    key = render_key(str(recording), sha256, window, fields.redactions, RENDER_SETTINGS)
    typed = fields.lines
    lines = (
        clip_transcript(
            await segments_of(recording, window.start_ms, window.end_ms), window, fields.redactions
        )
        if typed is None
        else typed_transcript(typed, window, fields.redactions)
    )
    columns: dict[Any, Any] = {
        "start_ms": window.start_ms,
        "end_ms": window.end_ms,
        "redactions": msgspec.json.encode([cut.as_dict() for cut in fields.redactions]).decode(),
        "transcript": msgspec.json.encode([line.as_dict() for line in lines]).decode(),
        "render_key": key,
        "about": about_key(key, fields.polarity),
        "typed": None if typed is None else msgspec.json.encode([line.as_dict() for line in typed]).decode(),
    }
    same_sound = before is not None and before["render_key"] == key
    # who listened for personal data heard this sound and read these words
    same_words = before is not None and msgspec.json.decode(before["transcript"]) == [
        line.as_dict() for line in lines
    ]
    for name in ("privacy_checked_by", "privacy_checked_at"):
        columns[name] = before[name] if before is not None and same_sound and same_words else None
    if before is not None and same_sound and before["id"] == clip_id and before["render"] == "ready":
        return columns
    columns |= {
        "render": "queued",
        "render_error": "",
        "duration_ms": window.length_ms,
        "size_bytes": 0,
        "bars": "[]",
    }
    if twin := await queries.rendered_twin(key):
        return columns | twin | {"render": "ready"}
    await jobs.enqueue(
        render_clip,
        {"clip": str(clip_id), "key": key},
        dedupe=f"render_clip:{clip_id}:{key}",
        person=viewer.id if viewer else None,
    )
    return columns


async def _pinned(fields: ClipFields, language: str, *, keep: UUID | None = None) -> list[dict[Any, Any]]:
    """The columns of a link per rule: what clip `keep` already pins, else the published version, else the draft.

    Raises Invalid naming the codes that no rule book has.
    """
    codes = fields.rules
    found = {row["code"]: (row["id"], row["version"]) for row in await queries.rules_to_pin(codes)}
    if missing := [code for code in codes if code not in found]:
        raise Invalid.field(
            "rules", "unknown", _("There is no rule with the code %(codes)s.") % {"codes": ", ".join(missing)}
        )
    kept = {row["code"]: row for row in await queries.rules_of([keep])} if keep else {}
    cues = {cue.rule: cue for cue in fields.cues}
    pins: list[dict[Any, Any]] = []
    for position, code in enumerate(codes):
        rule, version = (kept[code]["id"], kept[code]["version"]) if code in kept else found[code]
        cue = cues.get(code)
        why = _rewritten(cue.why if cue else "", kept[code]["whys"] if code in kept else "{}", language)
        where = cue.cue_ms if cue else None
        pins.append(
            {"rule": rule, "rule_version": version, "position": position, "cue_ms": where, "why": why}
        )
    return pins


async def _link(clip_id: UUID, pins: Sequence[dict[Any, Any]]) -> None:
    if pins:
        await ClipRule.insert(*[ClipRule(id=db.new_id(), clip=clip_id, **pin) for pin in pins])
