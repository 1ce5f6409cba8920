"""What stands between a clip and being published, as a list on every page that leads there.

Each point says in words what has to be so, and leads to the place where it is done.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from trainer.calls.views import RecordingView
from trainer.clips.reviewing.service import NEEDED, Review
from trainer.clips.service import ClipView, missing_for
from trainer.web.i18n import _
from trainer.web.session import Viewer


@dataclass(frozen=True, slots=True)
class Point:
    """One line of what publishing needs. `href`: where it is done; a fragment lies on the page itself."""

    code: str
    text: str
    met: bool
    href: str


def points_of(
    clip: ClipView,
    viewer: Viewer,
    *,
    review: Review,
    approved: Iterable[UUID] = (),
    undecided: bool,
    places: Mapping[str, str] | None = None,
) -> list[Point]:
    """All points of a clip for this viewer, in the order in which they are done, for the clip's own page.

    `places`: where single points are done on another page.
    """
    missing = missing_for(clip, viewer, review=review, approved=approved, undecided=undecided)
    edit = f"/clips/{clip.id}/edit"
    wanted = [
        ("render", _("The sound is ready"), "#clip-sound"),
        ("transcript", _("Its words are there, or nobody speaks"), f"{edit}#typed-title"),
        ("rules", _("It is pinned to a rule"), f"{edit}#f-rules"),
        ("redactions", _("What may be personal data is decided"), "#suggestions"),
        ("privacy_check", _("Somebody listened for personal data"), "#f-privacy_checked"),
        ("recording", _("The call may still be kept"), f"/calls/{clip.recording}"),
    ]
    if clip.consent_needed:
        wanted.append(("agent_consent", _("The agent heard said yes"), "#consent"))
    if NEEDED[review]:
        wanted += [
            ("review", _("It was handed in for review"), "#review"),
            ("second_person", _("Others than whoever handed it in looked at it"), "#review"),
        ]
    places = places or {}
    return [Point(code, text, code not in missing, places.get(code, href)) for code, text, href in wanted]


def editor_points(call: RecordingView) -> list[Point]:
    """Those that are done in the editor, all open: its script follows what is typed."""
    wanted = [
        ("transcript", _("Its words are there, or nobody speaks"), "#typed-title"),
        ("rules", _("It is pinned to a rule"), "#f-rules"),
        ("redactions", _("What may be personal data is decided"), "#suggestions-title"),
    ]
    if call.agent is not None and not call.staged:
        wanted.append(
            ("agent_consent", _("The agent heard said yes to it (ask on its own page)"), "#f-polarity")
        )
    return [Point(code, text, False, href) for code, text, href in wanted]
