"""Cards: what colleagues write for somebody's day, a line each.

From three days ahead the team, the buddy and the lead may each write one line. Invariant: until the day has
begun where the person is, a line is seen by its author alone, and the person hears of no card by any way;
from the day on the card is theirs, and takes no new lines. Nothing on it is ever written by the product.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from trainer import db
from trainer.appreciation.service import name_of
from trainer.notices.service import withdraw
from trainer.people.audit import record_audit
from trainer.people.days import day_of
from trainer.people.fields import one_line
from trainer.problems import Conflict, Forbidden, Invalid, NotFound
from trainer.recognition import card_queries, posts
from trainer.recognition.lines import Line, lines_on
from trainer.web.i18n import _
from trainer.web.session import Viewer

LONGEST = 280
MENDABLE = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Card:
    """A card as one viewer may see it.

    `open`: it still takes lines; then `lines` holds the own one at most, and `written` says how many there are.
    `may_hide`: the viewer may take down others' lines (delivered cards only). `post`: where it was shown.
    """

    id: UUID
    kind: str
    on: date
    years: int | None
    person: UUID
    person_name: str
    open: bool
    delivered: bool
    written: int
    mine: Line | None
    lines: tuple[Line, ...]
    may_write: bool
    may_hide: bool
    post: UUID | None


def notice_of(card: UUID) -> str:
    """The source of the notice that asks for a line."""
    return f"card:{card}"


def warning_of(card: UUID) -> str:
    """The source of the notice that a card is empty on the day before."""
    return f"card_empty:{card}"


async def load_card(viewer: Viewer, card: UUID) -> Card:
    """One card as the viewer may see it. Raises NotFound, for whom it is about too until their day has begun."""
    row = await card_queries.card(card, viewer=viewer.id, team=viewer.team)
    if row is None:
        raise _no_card()
    return await _delivered(viewer, row) if row["marked_at"] else _waiting(viewer, row)


def _waiting(viewer: Viewer, row: dict[str, Any]) -> Card:
    hidden = row["person"] == viewer.id or not row["active"] or row["scope"] == "nobody"
    if hidden or not (row["signs"] or row["line"]):
        raise _no_card()
    is_open = day_of(db.utc_now(), row["time_zone"]) < row["on"]
    return _card(viewer, row, lines=(), may_hide=False, is_open=is_open)


async def _delivered(viewer: Viewer, row: dict[str, Any]) -> Card:
    keys = await posts.feed_keys(viewer, only=row["post"], limit=1) if row["post"] else []
    own = row["person"] == viewer.id
    if not (own or keys or row["line"]):
        raise _no_card()
    lines = (await lines_on([row["id"]])).get(row["id"], []) if own or keys else []
    may_hide = own or any(key.relation == "moderator" for key in keys)
    return _card(viewer, row, lines=tuple(lines), may_hide=may_hide, is_open=False)


def _card(
    viewer: Viewer, row: dict[str, Any], *, lines: tuple[Line, ...], may_hide: bool, is_open: bool
) -> Card:
    mine = None
    if row["line"]:
        mine = Line(row["line"], viewer.id, viewer.name, row["words"], row["created_at"], row["edited_at"])
    fresh = mine is not None and db.utc_now() - mine.created_at < MENDABLE
    return Card(
        id=row["id"],
        kind=row["kind"],
        on=row["on"],
        years=row["years"],
        person=row["person"],
        person_name=name_of(row["name"]),
        open=is_open,
        delivered=row["marked_at"] is not None,
        written=row["written"],
        mine=mine,
        lines=lines or ((mine,) if mine else ()),
        may_write=is_open or fresh,
        may_hide=may_hide,
        post=row.get("post"),
    )


async def write_line(viewer: Viewer, card: UUID, words: str) -> bool:
    """Writes the viewer's one line, or puts other words in its place; True when it is their first on this card.

    Until the day, and then for 15 minutes after it was written. Raises NotFound, Conflict, Invalid.
    """
    words = one_line(words)
    if not words:
        raise Invalid.field("words", "required", _("Write a line, however short."))
    if len(words) > LONGEST:
        raise Invalid.field("words", "too-long", _("Keep it to %(n)s characters.") % {"n": LONGEST})
    whose = (await load_card(viewer, card)).person
    async with db.transaction():
        await db.lock(f"occasions:{whose}")  # the day may be coming at this moment
        found = await load_card(viewer, card)
        if not found.may_write:
            raise Conflict(_("The day has come and the card is handed over."), slug="card-closed")
        if found.mine:
            await card_queries.mend(found.mine.id, words, db.utc_now())
        else:
            await card_queries.write(card, viewer.id, words, db.utc_now())
            await withdraw(notice_of(card), viewer.id)
            await withdraw(warning_of(card))
        await card_queries.bump(card)
    return found.mine is None


async def remove_line(viewer: Viewer, card: UUID, line: UUID) -> None:
    """Takes a line off a card: its author whenever they like; on a delivered one also whom it is for, the lead
    of the team and admins, which is noted in the audit log. Raises NotFound, Forbidden.
    """
    found = await load_card(viewer, card)
    if found.mine is not None and found.mine.id == line:
        async with db.transaction():
            await card_queries.take_back(line, viewer.id, db.utc_now())
            await card_queries.bump(card)
        return
    if line not in {each.id for each in found.lines}:
        raise NotFound(_("This line is not on the card any more."))
    if not found.may_hide:
        raise Forbidden(_("A line is taken down by whoever wrote it, whom it is for, or the team's lead."))
    async with db.transaction():
        if await card_queries.take_down(line, viewer.id, db.utc_now()):
            await card_queries.bump(card)
            await record_audit(viewer, "card_line_hidden", "occasion", str(card), {"line": str(line)})


def _no_card() -> NotFound:
    return NotFound(_("There is no such card, or it is not yours to sign."))
