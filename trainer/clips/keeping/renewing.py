"""Keeping a clip beyond its call: with a ground of its own, the yes of the agent heard, and a new last day.

A renewal is about one sound (`clip.about`) and one day. Where somebody who works here is heard, it waits for their
yes, which they may take back; then the clip ends with its call as before, at once if the call is over.
Invariant: nothing that is over is renewed, and at most one question about a clip is open (unique in the database).
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from trainer import db
from trainer.calls import keeping
from trainer.calls.views import CONSENT_BASES
from trainer.clips import queries as clip_queries
from trainer.clips import reading
from trainer.clips.consent import MOST_WORDS
from trainer.clips.keeping import ending, queries
from trainer.clips.keeping.tables import ClipRenewal
from trainer.clips.standing import require_trainer
from trainer.clips.tables import Clip
from trainer.clips.views import ClipView
from trainer.notices import kinds
from trainer.notices.service import notify, withdraw
from trainer.people.audit import record_audit
from trainer.people.service import people_by_ids
from trainer.problems import Conflict, FieldError, Forbidden, Gone, Invalid, NotFound
from trainer.web.i18n import _, text_in
from trainer.web.session import Viewer

# At most three years at a time: somebody has to look again whether it is still needed.
LONGEST = timedelta(days=3 * 366)


@dataclass(frozen=True, slots=True)
class Wish:
    """What a renewal asks for. `expires_at` is the end of the last day where the site is.

    `checked`: whoever asks has listened once more, and nobody outside can be recognised.
    """

    basis: str
    keep_until: date
    expires_at: datetime
    checked: bool


@dataclass(frozen=True, slots=True)
class Renewal:
    """A renewal and what became of it: asked, renewed, declined, withdrawn or lapsed."""

    id: UUID
    clip: UUID
    title: str
    basis: str
    keep_until: date
    state: str
    person: UUID | None
    person_name: str | None
    words: str
    asked_by: UUID | None
    asked_by_name: str | None
    asked_at: datetime
    answered_at: datetime | None


async def renew(viewer: Viewer, clip_id: UUID, wish: Wish) -> Renewal:
    """Renews a clip in use at once, or asks the agent heard and waits for their yes (state `asked`).

    Raises NotFound, Gone, Forbidden, Invalid with every wrong field, and Conflict `clip-not-renewable` with `missing`
    or `already-asked`.
    """
    clip = await reading.load_clip(viewer, clip_id)
    require_trainer(viewer, clip)
    _check(clip, wish)
    async with db.transaction():
        await keeping.hold(clip.recording)
        row = await _still_living(clip.id, clip.about)
        heard = await _whose_yes(row)
        renewal = ClipRenewal(
            id=db.new_id(),
            clip=clip.id,
            about=clip.about,
            basis=wish.basis,
            keep_until=wish.keep_until,
            expires_at=wish.expires_at,
            person=heard,
            state="asked" if heard else "renewed",
            asked_by=viewer.id,
            asked_at=db.utc_now(),
            answered_at=None if heard else db.utc_now(),
        )
        try:
            async with db.savepoint():
                await ClipRenewal.insert(renewal)
        except db.UniqueViolation as error:
            raise Conflict(
                _("The agent heard has been asked already; their answer is on its way."), slug="already-asked"
            ) from error
        if heard:
            await notify(
                heard,
                "renewal_asked",
                source=f"renewal_asked:{renewal.id}",
                href=f"/my-voice#clip-{clip.id}",
                params={"by": str(viewer.id), "title": clip.titles, "on": wish.keep_until.isoformat()},
            )
            await record_audit(viewer, "renewal_asked", "clip", str(clip.id), _told(wish))
        else:
            await _take_effect(viewer.id, clip.id, clip.about, wish)
            await record_audit(viewer, "clip_renewed", "clip", str(clip.id), _told(wish))
    return await _found(renewal.id)


def _told(wish: Wish) -> dict[str, Any]:
    return {"basis": wish.basis, "until": wish.keep_until.isoformat()}


def lacking(clip: ClipView) -> list[str]:
    """What stands between a clip and being renewed: codes of `lacking_sentences`."""
    lacks = {
        "published": clip.state != "published" or clip.replaces is not None,
        "end": clip.expires_at is None,
        "render": clip.render != "ready",
        "privacy_check": clip.privacy_checked_at is None,
        "agent_consent": not clip.agreed,
    }
    return [code for code in lacking_sentences() if lacks[code]]


def lacking_sentences() -> dict[str, str]:
    """The same in words."""
    return {
        "published": _("Only a clip in use is renewed."),
        "end": _("Its call is kept without a last day, so there is nothing to renew."),
        "render": _("The sound is not ready yet."),
        "privacy_check": _("Nobody has said yet that they listened for personal data."),
        "agent_consent": _("The agent heard has not said yes to this use of their voice."),
    }


def _check(clip: ClipView, wish: Wish) -> None:
    if missing := lacking(clip):
        words = lacking_sentences()
        raise Conflict(
            _("This clip cannot be renewed.") + " " + " ".join(words[code] for code in missing),
            slug="clip-not-renewable",
            missing=missing,
        )
    assert clip.expires_at is not None
    wrong: list[FieldError] = []
    if wish.basis not in CONSENT_BASES:
        told = _("Say on what basis this clip may be kept: %(names)s.")
        wrong.append(FieldError("basis", "required", told % {"names": ", ".join(CONSENT_BASES)}))
    elif wish.basis == "synthetic" and not clip.staged:
        wrong.append(
            FieldError("basis", "not-staged", _("This call was not made for training: a caller is heard."))
        )
    if wish.expires_at <= clip.expires_at:
        wrong.append(
            FieldError("keep_until", "too-early", _("It is kept until then anyway. Choose a later day."))
        )
    elif wish.expires_at > db.utc_now() + LONGEST:
        wrong.append(
            FieldError("keep_until", "too-late", _("At most three years ahead; then somebody looks again."))
        )
    if not wish.checked:
        told = _("Listen to it once more, and say that nobody outside can be recognised.")
        wrong.append(FieldError("checked", "required", told))
    if wrong:
        raise Invalid(_("This clip cannot be renewed like this."), errors=wrong)


async def _still_living(clip: UUID, about: str) -> dict[str, Any]:
    """The clip's row while nothing can end it (the caller holds its call). Raises Gone and Conflict."""
    row = await clip_queries.clip_row(clip)
    assert row is not None
    if row["state"] == "erased" or not reading.living(row):
        raise Gone(reading.over_sentence(), slug="expired")
    if row["about"] != about or row["state"] != "published":
        raise Conflict(_("This clip was changed at this moment. Look at it again."), slug="changed-meanwhile")
    return row


async def _whose_yes(row: dict[str, Any]) -> UUID | None:
    """The agent who has to agree; nobody for staged calls and for calls in which nobody of this centre is heard.

    Raises Conflict where they have left and cannot say yes any more.
    """
    heard: UUID | None = row["agent"]
    if heard is None or row["staged"]:
        return None
    person = (await people_by_ids([heard])).get(heard)
    if person is None or not person.active:
        raise Conflict(
            _("The agent heard has left and cannot say yes any more. The clip ends with its call."),
            slug="clip-not-renewable",
            missing=["agent_yes"],
        )
    return heard


async def _take_effect(by: UUID | None, clip: UUID, about: str, wish: Wish) -> None:
    changes: dict[Any, Any] = {
        Clip.keep_basis: wish.basis,
        Clip.keep_until: wish.keep_until,
        Clip.expires_at: wish.expires_at,
        Clip.renewed_at: db.utc_now(),
        Clip.renewed_by: by,
        Clip.expiry_warned_at: None,
    }
    mine = (Clip.id == clip) & (Clip.about == about) & (Clip.state == "published")
    if not await Clip.update(changes).where(mine).returning(Clip.id):
        raise Conflict(_("This clip was changed at this moment. Look at it again."), slug="changed-meanwhile")


# The agent's word


async def answer_renewal(viewer: Viewer, renewal_id: UUID, *, yes: bool, words: str = "") -> Renewal:
    """The agent's yes or no, or a yes taken back (`yes=False` on one that took effect).

    A yes takes effect now. A yes taken back ends what it prolonged: the clip goes with its call, at once if that is
    over. Raises NotFound for everybody else, Gone when it came too late, Conflict, Invalid.
    """
    row = await queries.renewal(renewal_id)
    if row is None or row["person"] != viewer.id:
        raise NotFound(_("There is no such question, or it is not yours to answer."))
    if len(words := words.strip()) > MOST_WORDS:
        raise Invalid.field("words", "too-long", _("Please keep this under 1,000 characters."))
    back = row["state"] == "renewed" and not yes
    said = "withdrawn" if back else "renewed" if yes else "declined"
    async with db.transaction():
        await keeping.hold(row["recording"])
        values: dict[Any, Any] = {
            ClipRenewal.state: said,
            ClipRenewal.words: words,
            ClipRenewal.answered_at: db.utc_now(),
        }
        open_one = (ClipRenewal.id == renewal_id) & (ClipRenewal.state == ("renewed" if back else "asked"))
        if not await ClipRenewal.update(values).where(open_one).returning(ClipRenewal.id):
            raise Conflict(_("This question is not open any more."), slug="already-decided")
        if yes:
            await _still_living(row["clip"], row["about"])
            wish = Wish(row["basis"], row["keep_until"], row["expires_at"], checked=True)
            await _take_effect(row["asked_by"], row["clip"], row["about"], wish)
        elif back:
            await _take_back(row["clip"], row["recording"])
        await withdraw(f"renewal_asked:{renewal_id}", viewer.id)
        if row["asked_by"] is not None:
            await notify(
                row["asked_by"],
                "renewal_answered",
                source=f"renewal_answered:{renewal_id}:{said}",
                href=f"/clips/{row['clip']}",
                params={
                    "by": str(viewer.id),
                    "title": msgspec.json.decode(row["title"]),
                    "answer": said,
                    "on": row["keep_until"].isoformat(),
                },
            )
        await record_audit(
            viewer,
            "clip_renewed" if yes else "renewal_answered",
            "clip",
            str(row["clip"]),
            {"answer": said, "until": row["keep_until"].isoformat()},
        )
    return await _found(renewal_id)


async def _take_back(clip: UUID, recording: UUID) -> None:
    """No prolonging holds any more: neither the last one nor those before it."""
    former = (ClipRenewal.clip == clip) & (ClipRenewal.state == "renewed")
    await ClipRenewal.update({ClipRenewal.state: "withdrawn"}).where(former)
    own: dict[Any, Any] = {
        Clip.keep_basis: "",
        Clip.keep_until: None,
        Clip.expires_at: None,
        Clip.renewed_at: None,
        Clip.renewed_by: None,
    }
    await Clip.update(own).where(Clip.id == clip)
    await ending.end_what_is_over(clip, recording, db.utc_now())


async def call_off(viewer: Viewer, renewal_id: UUID) -> UUID:
    """Takes a question back that was not answered yet; returns the clip. Raises NotFound, Forbidden, Conflict."""
    row = await queries.renewal(renewal_id)
    if row is None:
        raise NotFound(_("There is no such question, or it is not yours."))
    clip = await reading.load_clip(viewer, row["clip"])
    require_trainer(viewer, clip)
    async with db.transaction():
        mine = (ClipRenewal.id == renewal_id) & (ClipRenewal.state == "asked")
        if not await ClipRenewal.update({ClipRenewal.state: "lapsed"}).where(mine).returning(ClipRenewal.id):
            raise Conflict(_("This question is not open any more."), slug="already-decided")
        await withdraw(f"renewal_asked:{renewal_id}")
        await record_audit(viewer, "renewal_called_off", "clip", str(clip.id))
    return clip.id


# Reading


async def _found(renewal_id: UUID) -> Renewal:
    row = await queries.renewal(renewal_id)
    assert row is not None
    return _renewal(row)


def _renewal(row: dict[str, Any]) -> Renewal:
    names = [name for name in Renewal.__dataclass_fields__ if name != "title"]
    return Renewal(title=text_in(msgspec.json.decode(row["title"])), **{name: row[name] for name in names})


async def renewals_of(viewer: Viewer, clip: ClipView) -> list[Renewal]:
    """What was asked and answered about keeping a clip longer, latest first; for those who work with its call."""
    if not (viewer.has(*ending.SEE) and clip.makes):
        return []
    return [_renewal(row) for row in await queries.renewals(clip=clip.named)]


async def open_renewals(viewer: Viewer) -> list[Renewal]:
    """The questions that wait for an agent's answer, of the calls that the viewer works with."""
    reach = await reading.reach_of(viewer)
    if not viewer.has(*ending.SEE):
        raise Forbidden(ending.forbidden())
    rows = await queries.renewals(states=("asked",))
    return [_renewal(row) for row in rows if reach.makes(row["programme"], row["agent_team"])]


@dataclass(frozen=True, slots=True)
class Question:
    """What an agent is asked, or said yes to, about keeping a clip; `clip` plays the sound that it is about."""

    renewal: Renewal
    clip: ClipView


async def asked_of_me(viewer: Viewer) -> list[Question]:
    """The open questions to the viewer, first asked first."""
    return await _questions(viewer, "asked")


async def kept_by_my_yes(viewer: Viewer) -> dict[UUID, Renewal]:
    """By clip, the renewals in force to which the viewer said yes: each may be taken back."""
    rows = await queries.renewals(person=viewer.id, states=("renewed",))
    return {row["clip"]: _renewal(row) for row in reversed(rows)}


async def _questions(viewer: Viewer, state: str) -> list[Question]:
    rows = await queries.renewals(person=viewer.id, states=(state,))
    clips = await reading.clips_by_ids(viewer, [row["clip"] for row in rows]) if rows else {}
    return [
        Question(_renewal(row), clips[row["clip"]])
        for row in reversed(rows)
        if row["clip"] in clips and clips[row["clip"]].about == row["about"]
    ]


kinds.register(
    kinds.Kind(
        "renewal_asked",
        words=lambda params: _("%(by)s asks whether a clip of yours may be kept longer: %(title)s") % params,
        more=lambda params: _("Until %(on)s. Your answer is yours, and you may take it back.") % params,
        title_for_choice=lambda: _("I am asked whether a clip with my voice may be kept longer"),
        icon="timer",
        default_way="mail",
        roles=("agent",),
    )
)
kinds.register(
    kinds.Kind(
        "renewal_answered",
        words=lambda params: (
            {
                "renewed": _("%(by)s says yes: the clip %(title)s is kept until %(on)s"),
                "declined": _("%(by)s says no: the clip %(title)s ends with its call"),
                "withdrawn": _("%(by)s took the yes to keeping the clip %(title)s back"),
            }[params["answer"]]
            % params
        ),
        title_for_choice=lambda: _("An agent answers whether a clip is kept longer"),
        icon="message-square-quote",
        roles=("trainer",),
    )
)
