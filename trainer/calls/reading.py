"""Who sees a call and who hears it.

The pair `load_recording` and `visible_recordings` follows `sight.TABLE["recordings"]`: trainers and QA analysts
work with the calls of their programmes, leads with their team's, admins list all and hear none; agents hear
their own where an upper room says so (its evaluation was released). Whoever hears a call may read its words.
Invariant: nobody decides about a raw call but here; what is heard is noted in `hearings`.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from trainer import db
from trainer.audio.peaks import Peaks
from trainer.calls import queries
from trainer.calls.views import RecordingView, SegmentView, recording_of, segment_of
from trainer.people import sight
from trainer.problems import Conflict, Forbidden, Gone, NotFound
from trainer.rulebook.programmes import programmes_of
from trainer.storage import StorageError, storage
from trainer.web.i18n import _
from trainer.web.session import Viewer

# An upper room opens an agent's own call to them (its evaluation was released). It registers by name, in app.py,
# a check of one call, and beside it the list of all, so that lists need one question and not one a call.
hearing_checks: dict[str, Callable[[Viewer, UUID], Awaitable[bool]]] = {}
hearing_lists: dict[str, Callable[[UUID], Awaitable[set[UUID]]]] = {}

LISTED_STATES = ("processing", "ready", "refused", "expired")
# The proof of an erased call names nobody: all who work with calls may read it.
SEE_PROOFS = ("trainer", "qa_analyst", "team_lead", "admin")

Standing = Literal["hears", "lists", "none"]
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Within:
    """The calls that somebody sees, before their own: all of them, or those of programmes or of a team.

    `programmes` None: no bound by programme, which counts only with `works` (as a trainer or analyst).
    """

    everything: bool
    works: bool
    programmes: frozenset[UUID] | None
    team: UUID | None

    def of_programme(self, rulebook: UUID | None) -> bool:
        """Whether the viewer works with the calls of this programme; a call without one is everybody's work."""
        return self.works and (self.programmes is None or rulebook is None or rulebook in self.programmes)


async def within(viewer: Viewer) -> Within:
    """What the viewer's roles let them see of calls."""
    bounds = {role: sees for role, sees in sight.TABLE["recordings"].items() if viewer.has(role)}
    kinds = {sees.of for sees in bounds.values() if sees.reach == "each"}
    works = "programme" in kinds
    mine = await programmes_of(viewer) if works else None
    return Within(
        everything="all" in kinds,
        works=works,
        programmes=None if mine is None else frozenset(mine),
        team=viewer.team if "team" in kinds else None,
    )


def _standing(viewer: Viewer, row: Row, bounds: Within) -> Standing:
    """What the viewer's roles allow with one call."""
    found: Standing = "none"
    for role, sees in sight.TABLE["recordings"].items():
        reached = {
            "all": True,
            "programme": bounds.of_programme(row["rulebook"]),
            "team": bounds.team is not None and bounds.team == row["agent_team"],
        }
        if viewer.has(role) and sees.reach == "each" and reached.get(sees.of, False):
            if sees.plays:
                return "hears"
            found = "lists"
    return found


async def _stands(viewer: Viewer, row: Row) -> Standing:
    """The same, with what upper rooms open to the agent heard."""
    standing = _standing(viewer, row, await within(viewer))
    if standing != "hears" and row["agent"] == viewer.id:
        for check in hearing_checks.values():
            if await check(viewer, row["id"]):
                return "hears"
    return standing


def _view(row: Row, standing: Standing) -> RecordingView:
    over = row["expires_at"] is not None and row["expires_at"] <= db.utc_now()
    return recording_of(row, may_hear=standing == "hears" and row["state"] == "ready" and not over)


async def _found(viewer: Viewer, recording: UUID) -> tuple[RecordingView, Standing]:
    row = await queries.one(recording)
    if row is not None and row["state"] == "erased" and viewer.has(*SEE_PROOFS):
        return _view(row, "none"), "none"
    standing = await _stands(viewer, row) if row is not None else "none"
    if row is None or standing == "none":
        raise NotFound(_("There is no such call, or it is not one of yours."))
    return _view(row, standing), standing


async def find_recording(viewer: Viewer, recording: UUID) -> RecordingView:
    """A recording in any state, the proof of an erased one included. Raises NotFound."""
    return (await _found(viewer, recording))[0]


async def load_recording(viewer: Viewer, recording: UUID) -> RecordingView:
    """A recording that the viewer may see. Raises NotFound, and Gone for an erased one."""
    return (await _loaded(viewer, recording))[0]


async def _loaded(viewer: Viewer, recording: UUID) -> tuple[RecordingView, Standing]:
    found, standing = await _found(viewer, recording)
    if found.state == "erased":
        raise Gone(_("This call was erased. Only the date and the reason are kept."))
    return found, standing


async def load_for_hearing(viewer: Viewer, recording: UUID) -> RecordingView:
    """A ready recording that the viewer may hear.

    Raises NotFound, Gone, Forbidden and Conflict (`not-ready`).
    """
    found, standing = await _loaded(viewer, recording)
    if standing != "hears":
        raise Forbidden(_("You may see that this call is here, but not hear it."))
    if found.state == "expired" or (found.expires_at is not None and found.expires_at <= db.utc_now()):
        raise Gone(_("The day until which this call was kept is over."))
    if not found.may_hear:
        raise Conflict(_("This call cannot be heard: it is not ready."), slug="not-ready")
    return found


async def visible_recordings(
    viewer: Viewer,
    *,
    search: str = "",
    state: str = "",
    agent: UUID | None = None,
    rulebook: str = "",
    tag: str = "",
    ids: Sequence[UUID] | None = None,
    after: tuple[datetime, UUID] | None = None,
    limit: int = 50,
) -> list[RecordingView]:
    """Recordings that the viewer may see, newest first, after the one with this (created_at, id).

    `search` looks in titles and agents' names; `rulebook` keeps to one programme's code and to calls of no programme,
    `tag` to one kind of call, `ids` to these calls.
    Erased ones are listed only for `state="erased"`.
    """
    states = (state,) if state else LISTED_STATES
    bounds = await within(viewer)
    own = await _own(viewer)
    reach = _listing(viewer, bounds, own, proofs=state == "erased" and viewer.has(*SEE_PROOFS))
    rows = await queries.listed(
        reach,
        states=states,
        search=search.strip()[:100],
        agent=agent,
        rulebook=rulebook,
        tag=tag,
        ids=ids,
        after=after,
        limit=limit,
    )
    heard = {row["id"]: "hears" if row["id"] in own else _standing(viewer, row, bounds) for row in rows}
    return [_view(row, heard[row["id"]]) for row in rows]


async def titles_of(viewer: Viewer, ids: list[UUID]) -> dict[UUID, str]:
    """The titles of those of these calls that the viewer may see."""
    return {call.id: call.title for call in await visible_recordings(viewer, ids=ids, limit=len(ids))}


async def _own(viewer: Viewer) -> frozenset[UUID]:
    """The viewer's own calls that upper rooms open to them."""
    return frozenset([call for listed in hearing_lists.values() for call in await listed(viewer.id)])


def _listing(viewer: Viewer, bounds: Within, own: frozenset[UUID], *, proofs: bool = False) -> queries.Reach:
    return queries.Reach(
        everything=bounds.everything or (bounds.works and bounds.programmes is None) or proofs,
        programmes=bounds.programmes if bounds.works else None,
        team=bounds.team,
        own=own,
    )


async def reaches(viewer: Viewer) -> tuple[queries.Reach, queries.Reach]:
    """For lists made elsewhere: the calls that the viewer may list, and those of them that they may hear and read."""
    bounds, own = await within(viewer), await _own(viewer)
    hears = queries.Reach(
        everything=bounds.works and bounds.programmes is None,
        programmes=bounds.programmes if bounds.works else None,
        team=bounds.team,
        own=own,
    )
    return _listing(viewer, bounds, own), hears


async def segments_of(
    recording: UUID, start_ms: int | None = None, end_ms: int | None = None
) -> list[SegmentView]:
    """The turns of a transcript in order; of a window, those that touch it.

    Whoever asks has loaded the recording.
    """
    return [segment_of(row) for row in await queries.segments(recording, start_ms, end_ms)]


async def peaks_of(recording: RecordingView) -> Peaks:
    """The shape of a ready recording. Raises Conflict before it is ready, and StorageError."""
    if not recording.peaks_key:
        raise Conflict(_("This call cannot be heard: it is not ready."), slug="not-ready")
    size = await storage().size(recording.peaks_key)
    if size is None:
        raise StorageError("missing", recording.peaks_key)
    return Peaks.from_bytes(await storage().get_range(recording.peaks_key, 0, size))
