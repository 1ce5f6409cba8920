"""A whole folder of calls taken in at once, for `trainer import recordings PATH` and the sample centre.

A folder with `library.yaml` holds the calls that it lists. In any other every file that is no transcript and
no metadata is tried as audio, whatever its name says; `metadata.yaml` may describe some of them. Both have
`calls: [{audio, transcript?, title?, agent?, called_at?, language? …}]` and `defaults:` for all calls. Where
nothing names a transcript, it is `x.vtt`, `x.srt` or `x.json` beside `x.mp3`.
Invariant: a bad file never stops the rest, and a call that is here already (by content) is not taken twice.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import yaml

from trainer import db
from trainer.calls import forms, transcripts
from trainer.calls.service import RecordingFields, content_hash, receive_recording, same_content
from trainer.problems import Invalid, Problem
from trainer.storage import StorageError
from trainer.web.i18n import _
from trainer.web.session import Viewer
from trainer.web.texts import readable

LIBRARY = "library.yaml"
METADATA = (LIBRARY, "metadata.yaml")
TRANSCRIPTS = (".vtt", ".srt", ".json")
NOT_AUDIO = (*TRANSCRIPTS, ".yaml", ".yml", ".md", ".txt", ".csv", ".py")
# Without metadata: calls with one's own customers. The report says so.
DEFAULT_BASIS = "contract"


@dataclass(slots=True)
class FolderReport:
    """What became of each call, by its slug or file name: `taken` anew, `known` before, `refused` with the
    reason.
    """

    taken: dict[str, UUID] = field(default_factory=dict)
    known: dict[str, UUID] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    assumed_basis: int = 0
    strangers: int = 0

    @property
    def recordings(self) -> dict[str, UUID]:
        """Every call of the folder that is here now."""
        return {**self.known, **self.taken}

    def lines(self) -> list[str]:
        """For a terminal."""
        told = [_("%(name)s: taken") % {"name": name} for name in self.taken]
        told += [_("%(name)s: here already") % {"name": name} for name in self.known]
        told += [f"{name}: {reason}" for name, reason in self.refused.items()]
        if self.assumed_basis:
            basis = {"n": self.assumed_basis, "basis": DEFAULT_BASIS}
            told.append(_("%(n)s calls name no consent basis; “%(basis)s” was noted.") % basis)
        if self.strangers:
            told.append(
                _("%(n)s calls name an agent who is not here; they were taken without one.")
                % {"n": self.strangers}
            )
        counts = {"taken": len(self.taken), "known": len(self.known), "refused": len(self.refused)}
        return [*told, _("%(taken)s taken, %(known)s here already, %(refused)s refused.") % counts]


async def import_recordings(
    viewer: Viewer | None,
    folder: Path,
    *,
    zone: ZoneInfo | None = None,
    people: Mapping[str, UUID] | None = None,
    role_played: bool = False,
) -> FolderReport:
    """Takes in every call of a folder (or one file). `people` gives ids for agents that metadata names by
    key. `role_played`: whatever metadata says, nobody here made these calls: they are staged, and no agent's.

    Raises Invalid for metadata that cannot be read, and StorageError when there is no room for any more.
    """
    root = folder if folder.is_dir() else folder.parent
    described, defaults = await asyncio.to_thread(_described, root)
    if folder.is_file():
        files = [folder]
    elif (root / LIBRARY).is_file():
        files = list(described)
    else:
        found = await asyncio.to_thread(_audio_files, root)
        files = [*found, *(path for path in described if path not in found)]
    report = FolderReport()
    for path in files:
        call = {**defaults, **described.get(path, {})}
        if role_played:
            call |= {"staged": True, "agent": None}
        name = str(call.get("slug") or path.relative_to(root))
        try:
            await _take(viewer, root, path, name, call, report, zone or ZoneInfo("UTC"), people or {})
        except StorageError:
            raise
        except Invalid as problem:
            # of an erased file a single upload may say more: that is no word for a folder
            said = [error.message for error in problem.errors if error.field != forms.ANYWAY_FIELD]
            report.refused[name] = " ".join(said) or problem.detail
        except (Problem, OSError) as problem:
            report.refused[name] = str(problem)
    return report


async def _take(
    viewer: Viewer | None,
    root: Path,
    path: Path,
    name: str,
    call: Mapping[str, Any],
    report: FolderReport,
    zone: ZoneInfo,
    people: Mapping[str, UUID],
) -> None:
    if not _inside(root, path) or not path.is_file():
        raise Invalid.field("audio", "missing", _("There is no such file in the folder."))
    sha256 = await asyncio.to_thread(content_hash, path)
    if known := await same_content(sha256):
        report.known[name] = known
        return
    texts = _texts(call, people, zone)
    if assumed := "consent_basis" not in texts:
        texts["consent_basis"] = DEFAULT_BASIS
    texts.setdefault("title", readable(path.stem))
    fields, stranger = await _read_fields(texts, zone)
    transcript = await asyncio.to_thread(_transcript_of, root, path, call.get("transcript"))
    report.taken[name] = await receive_recording(viewer, path, fields, transcript=transcript, sha256=sha256)
    report.assumed_basis += assumed
    report.strangers += stranger


async def _read_fields(texts: dict[str, str], zone: ZoneInfo) -> tuple[RecordingFields, bool]:
    """The call's fields; True when it names an agent who is not here: the call is worth having all the same."""
    try:
        return await forms.read_fields(texts, zone), False
    except Invalid as problem:
        if {error.field for error in problem.errors} != {"agent"}:
            raise
    return await forms.read_fields(
        {name: text for name, text in texts.items() if name != "agent"}, zone
    ), True


def _texts(call: Mapping[str, Any], people: Mapping[str, UUID], zone: ZoneInfo) -> dict[str, str]:
    """The fields of a call as the upload form would send them."""
    texts = {
        name: value.isoformat() if hasattr(value, "isoformat") else readable(str(value))
        for name, value in call.items()
        if name in forms.TEXT_FIELDS and value is not None
    }
    if "agent" in texts and texts["agent"] in people:
        texts["agent"] = str(people[texts["agent"]])
    if "days_ago" in call and "called_at" not in texts:
        texts["called_at"] = _ago(call, zone).isoformat()
    return texts


def _ago(call: Mapping[str, Any], zone: ZoneInfo) -> datetime:
    try:
        day = db.utc_now().astimezone(zone).date() - timedelta(days=int(call["days_ago"]))
        at = time.fromisoformat(str(call.get("called_at_time", "10:00")))
        return datetime.combine(day, at, zone).astimezone(UTC)
    except (ValueError, TypeError, OverflowError) as error:
        raise Invalid.field("called_at", "unreadable", _("Its day or time cannot be read.")) from error


def _described(root: Path) -> tuple[dict[Path, dict[str, Any]], dict[str, Any]]:
    """What metadata says of each file, by the file's path, and of all of them."""
    for name in METADATA:
        path = root / name
        if not path.is_file():
            continue
        try:
            data = yaml.safe_load(path.read_text(encoding="utf-8"))
            calls = {root / call["audio"]: dict(call) for call in data.get("calls") or []}
            return calls, dict(data.get("defaults") or {})
        except (yaml.YAMLError, UnicodeDecodeError, AttributeError, KeyError, TypeError, ValueError) as error:
            told = _("%(name)s cannot be read: it needs a list `calls`, each with `audio`.") % {"name": name}
            raise Invalid.field(name, "unreadable", told) from error
    return {}, {}


def _inside(root: Path, path: Path) -> bool:
    """Whether a path that metadata names, or a link, stays in the folder."""
    return path.resolve().is_relative_to(root.resolve())


def _audio_files(root: Path) -> list[Path]:
    found = [path for path in root.rglob("*") if path.is_file() and path.suffix.lower() not in NOT_AUDIO]
    passed_over = [
        path for path in found if any(part.startswith((".", "__")) for part in path.relative_to(root).parts)
    ]
    return sorted(set(found) - set(passed_over))


def _transcript_of(root: Path, path: Path, named: Any) -> bytes | None:
    beside = [root / str(named)] if named else [path.with_suffix(suffix) for suffix in TRANSCRIPTS]
    for candidate in beside:
        if candidate.is_file() and _inside(root, candidate):
            with candidate.open("rb") as file:
                return file.read(transcripts.LARGEST + 1)
    if named:
        raise transcripts.refused("missing", _("Its transcript is not in the folder."))
    return None
