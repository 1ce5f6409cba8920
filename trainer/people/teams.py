"""Teams: groups of colleagues. Everybody may know their names; admins make and rename them."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from trainer import db
from trainer.people import queries
from trainer.people.audit import record_audit
from trainer.people.fields import one_line
from trainer.people.tables import Team
from trainer.problems import Forbidden, Invalid, NotFound
from trainer.web.i18n import _
from trainer.web.session import Viewer


@dataclass(frozen=True, slots=True)
class TeamView:
    """A team and how many active people are in it."""

    id: UUID
    name: str
    site: str
    people: int


async def list_teams(
    viewer: Viewer | None, *, after: tuple[str, UUID] | None = None, limit: int | None = None
) -> list[TeamView]:
    """Teams by name, after the one with this (name in casefold, id); everybody may know them all."""
    found = sorted((TeamView(**row) for row in await queries.teams()), key=sort_key)
    return [team for team in found if after is None or sort_key(team) > after][:limit]


def sort_key(team: TeamView) -> tuple[str, UUID]:
    """What teams are sorted by. Done here: a centre has few, and databases differ in how they sort names."""
    return team.name.casefold(), team.id


async def get_team(viewer: Viewer | None, team: UUID) -> TeamView:
    """One team. Raises NotFound."""
    for found in await list_teams(viewer):
        if found.id == team:
            return found
    raise NotFound(_("There is no such team."))


async def team_exists(team: UUID) -> bool:
    """Whether there is such a team."""
    return await Team.exists().where(Team.id == team)


async def create_team(viewer: Viewer | None, *, name: str, site: str = "") -> UUID:
    """Makes a team; returns its id. `viewer` None is the system. Raises Forbidden, Invalid (name taken)."""
    _may_change(viewer)
    row = Team(id=db.new_id(), name=_named(name), site=_sited(site), created_at=db.utc_now())
    async with db.transaction():
        made = await Team.insert(row).on_conflict(action="DO NOTHING").returning(Team.id)
        if not made:
            raise _taken()
        await record_audit(viewer, "team_created", "team", str(row.id))
    return row.id


async def rename_team(viewer: Viewer, team: UUID, *, name: str, site: str = "") -> None:
    """Gives a team another name and site. Raises Forbidden, NotFound, Invalid (name taken)."""
    _may_change(viewer)
    changes: dict[Any, Any] = {Team.name: _named(name), Team.site: _sited(site)}
    async with db.transaction():
        try:
            async with db.savepoint():
                renamed = await Team.update(changes).where(Team.id == team).returning(Team.id)
        except db.UniqueViolation as error:
            raise _taken() from error
        if not renamed:
            raise NotFound(_("There is no such team."))
        await record_audit(viewer, "team_renamed", "team", str(team))


def _may_change(viewer: Viewer | None) -> None:
    if viewer is not None and not viewer.has("admin"):
        raise Forbidden(_("Only admins change teams."))


def _named(name: str) -> str:
    cleaned = one_line(name)
    if not cleaned or len(cleaned) > 80:
        raise Invalid.field("name", "missing", _("Please give the team a name of up to 80 characters."))
    return cleaned


def _sited(site: str) -> str:
    cleaned = one_line(site)
    if len(cleaned) > 80:
        raise Invalid.field("site", "too-long", _("Please keep the site under 80 characters."))
    return cleaned


def _taken() -> Invalid:
    return Invalid.field("name", "taken", _("There is a team of this name already."))
