"""Making and changing clips: what may be typed, what a change does to the sound, and two people at one draft.

Invariant: an edit is carried out on the revision that its author saw or not at all, and any change of range
or redactions sends the sound back to the queue and takes the privacy check away.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import msgspec

from trainer import db, jobs
from trainer.calls import queries as recordings
from trainer.calls.service import load_for_hearing, segments_of
from trainer.calls.views import RecordingView, recording_of
from trainer.clips import queries
from trainer.clips.arithmetic import Cut, Span, clip_transcript, clock, range_fault, render_key, tidy
from trainer.clips.reading import OPEN_STATES, POLARITIES, load_clip
from trainer.clips.rendering import RENDER_SETTINGS, render_clip
from trainer.clips.tables import Clip, ClipRule
from trainer.people.audit import record_audit
from trainer.problems import Conflict, FieldError, Forbidden, Invalid, PreconditionFailed
from trainer.web.i18n import _, current_locale, text_in
from trainer.web.session import Viewer

Wording = str | Mapping[str, str]

TITLE_MOST = 120
TEXT_MOST = 2000
RULES_MOST = 10
REDACTIONS_MOST = 100


@dataclass(frozen=True, slots=True)
class ClipFields:
    """What a person decides about a clip. `redactions` lie in the recording, `cue_ms` in the clip.

    Wording is a sentence in the language of the page, or {locale: sentence} from a library.
    """

    start_ms: int
    end_ms: int
    title: Wording
    polarity: str = "exemplar"
    rules: tuple[str, ...] = ()
    cue_ms: int | None = None
    note: Wording = ""
    why: Wording = ""
    redactions: tuple[Cut, ...] = ()
    no_speech: bool = False


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
        rules = await _pinned(fields.rules)
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
                **_worded(fields, recording.language, None),
                **shaped,
            )
        )
        await _link(clip_id, rules)
        await record_audit(viewer, "clip_created", "clip", str(clip_id), {"recording": str(recording_id)})
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


async def edit_clip(viewer: Viewer | None, clip_id: UUID, fields: ClipFields, *, revision: int) -> UUID:
    """Save a clip as its author saw it in `revision`; returns the id of the row that was written.

    A draft is changed in place (one in review is a draft again). Of a published clip, a draft of the next
    version is made beside it and its id returned. Raises NotFound, Gone, Forbidden, Invalid;
    PreconditionFailed with `by` and `at` when somebody saved meanwhile; Conflict for a state that is not
    edited.
    """
    clip = await load_clip(viewer, clip_id)
    _require_editor(viewer)
    if clip.state not in (*OPEN_STATES, "published"):
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
        if row["state"] == "published":
            return await _branch(viewer, row, fields)
        rules = await _pinned(fields.rules, keep=clip_id)
        changes = _worded(fields, row["language"], row) | await _shaped(
            row["recording"], row["sha256"], fields, clip_id, viewer, before=row
        )
        saved = (
            await Clip.update({**changes, **_touched(viewer), "state": "draft", "revision": revision + 1})
            .where((Clip.id == clip_id) & (Clip.revision == revision) & Clip.state.is_in(list(OPEN_STATES)))
            .returning(Clip.id)
        )
        if not saved:
            raise changed_meanwhile(await queries.clip_row(clip_id) or row)
        await ClipRule.delete().where(ClipRule.clip == clip_id)
        await _link(clip_id, rules)
        await record_audit(viewer, "clip_edited", "clip", str(clip_id), {"revision": revision + 1})
    return clip_id


def _require_editor(viewer: Viewer | None) -> None:
    if viewer is not None and not viewer.has("trainer"):
        raise Forbidden(_("Only trainers edit clips."))


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
    rules = await _pinned(fields.rules, keep=row["id"])
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
                    created_at=db.utc_now(),
                    **_touched(viewer),
                    **_worded(fields, row["language"], row),
                    **shaped,
                )
            )
    except db.UniqueViolation as error:
        raise Conflict(
            _("Somebody began the next version at this moment. Load the page again."), slug="draft-exists"
        ) from error
    await _link(draft, rules)
    await record_audit(viewer, "clip_version_begun", "clip", str(row["id"]), {"version": row["version"] + 1})
    return draft


def _touched(viewer: Viewer | None) -> dict[Any, Any]:
    return {"updated_at": db.utc_now(), "updated_by": viewer.id if viewer else None}


def checked(fields: ClipFields, recording_ms: int) -> ClipFields:
    """The fields with redactions in order and each rule once. Raises Invalid naming every wrong field."""
    fields = replace(fields, rules=tuple(dict.fromkeys(fields.rules)))
    errors = [*_wording_errors(fields), *_time_errors(fields, recording_ms)]
    if fields.polarity not in POLARITIES:
        errors.append(FieldError("polarity", "unknown", _("Choose what kind of example this is.")))
    if len(fields.rules) > RULES_MOST:
        errors.append(
            FieldError("rules", "too-many", _("A clip shows at most %(n)s rules.") % {"n": RULES_MOST})
        )
    if errors:
        raise Invalid(_("Some fields need another look."), errors=errors)
    return replace(fields, redactions=tuple(tidy(fields.redactions)))


def _wording_errors(fields: ClipFields) -> Iterator[FieldError]:
    limits: list[tuple[str, Wording, int]] = [
        ("title", fields.title, TITLE_MOST),
        ("note", fields.note, TEXT_MOST),
        ("why", fields.why, TEXT_MOST),
    ]
    for name, wording, most in limits:
        longest = max((len(text) for text in _as_texts(wording, "en").values()), default=0)
        if longest > most:
            yield FieldError(
                name, "too-long", _("Please keep this under %(most)s characters.") % {"most": most}
            )
    if not any(text.strip() for text in _as_texts(fields.title, "en").values()):
        yield FieldError("title", "required", _("Give the clip a title."))


def _time_errors(fields: ClipFields, recording_ms: int) -> Iterator[FieldError]:
    if fault := range_fault(fields.start_ms, fields.end_ms, recording_ms):
        field, code = fault
        yield FieldError(field, code, _range_sentence(code, recording_ms))
    elif fields.cue_ms is not None and not 0 <= fields.cue_ms <= fields.end_ms - fields.start_ms:
        yield FieldError("cue_ms", "outside", _("The cue lies outside the clip. Set it again, or remove it."))
    if len(fields.redactions) > REDACTIONS_MOST:
        yield FieldError(
            "redactions", "too-many", _("A clip has at most %(n)s redactions.") % {"n": REDACTIONS_MOST}
        )
    for cut in fields.redactions:
        if not 0 <= cut.start_ms < cut.end_ms <= recording_ms:
            yield FieldError(
                "redactions", "outside", _("A redaction ends before it starts, or lies outside the call.")
            )
        elif cut.mode not in ("beep", "silence"):
            yield FieldError("redactions", "unknown", _("A redaction is a beep or silence."))


def _range_sentence(code: str, recording_ms: int) -> str:
    return {
        "negative": _("A clip cannot start before the call does."),
        "past-end": _("The call ends at %(end)s; the clip would go on after it.")
        % {"end": clock(recording_ms)},
        "backward": _("The end has to come after the start."),
        "too-short": _("A clip is at least 0.3 seconds long."),
        "too-long": _("A clip is at most 2 minutes long. Pick the moment that lets one hear the rule."),
    }[code]


def _as_texts(wording: Wording, language: str) -> dict[str, str]:
    return {language: wording} if isinstance(wording, str) else dict(wording)


def _worded(fields: ClipFields, language: str, before: dict[str, Any] | None) -> dict[Any, Any]:
    """The columns that hold what was written. A sentence replaces the wording that its author was shown."""
    columns: dict[Any, Any] = {
        "polarity": fields.polarity,
        "cue_ms": fields.cue_ms,
        "no_speech": fields.no_speech,
    }
    for name, wording in (("title", fields.title), ("note", fields.note), ("why", fields.why)):
        texts: dict[str, str] = msgspec.json.decode(before[name]) if before else {}
        if not isinstance(wording, str):
            texts = dict(wording)
        elif wording.strip() != text_in(texts):
            texts[current_locale() if current_locale() in texts else language] = wording.strip()
        columns[name] = msgspec.json.encode({k: text for k, text in texts.items() if text}).decode()
    return columns


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
    lines = clip_transcript(
        await segments_of(recording, window.start_ms, window.end_ms), window, fields.redactions
    )
    columns: dict[Any, Any] = {
        "start_ms": window.start_ms,
        "end_ms": window.end_ms,
        "redactions": msgspec.json.encode([cut.as_dict() for cut in fields.redactions]).decode(),
        "transcript": msgspec.json.encode([line.as_dict() for line in lines]).decode(),
        "render_key": key,
    }
    same_sound = before is not None and before["render_key"] == key
    for name in ("privacy_checked_by", "privacy_checked_at"):
        columns[name] = before[name] if before is not None and same_sound else None
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


async def _pinned(codes: Sequence[str], *, keep: UUID | None = None) -> list[tuple[UUID, int]]:
    """(rule, version) per code: what clip `keep` already pins, else the published version, else the draft.

    Raises Invalid naming the codes that no rule book has.
    """
    found = {row["code"]: (row["id"], row["version"]) for row in await queries.rules_to_pin(codes)}
    if missing := [code for code in codes if code not in found]:
        raise Invalid.field(
            "rules", "unknown", _("There is no rule with the code %(codes)s.") % {"codes": ", ".join(missing)}
        )
    kept = (
        {row["code"]: (row["id"], row["version"]) for row in await queries.rules_of([keep])} if keep else {}
    )
    return [kept.get(code, found[code]) for code in codes]


async def _link(clip_id: UUID, rules: Sequence[tuple[UUID, int]]) -> None:
    if rules:
        await ClipRule.insert(
            *[
                ClipRule(id=db.new_id(), clip=clip_id, rule=rule, rule_version=version, position=position)
                for position, (rule, version) in enumerate(rules)
            ]
        )
