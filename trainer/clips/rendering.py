"""From a draft to its sound: the job that decodes only the clip's window, and the sweep of what nobody needs.

The object is named by the hash of all that shapes it (`render_key`) and is stored whole or not at all; the
row is told afterwards, and only while it still asks for that very key. So a worker killed at any line leaves
either the old state or the new one, and a result that came too late is dropped.
"""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from trainer import db
from trainer.audio import AudioRefused, Redaction, Rendered
from trainer.audio.child import in_child
from trainer.clips import queries
from trainer.clips.arithmetic import Cut, Span, tidy
from trainer.clips.reading import sound_key
from trainer.clips.tables import Clip
from trainer.jobs import JobContext, job, schedule
from trainer.storage import storage
from trainer.web.i18n import _

# Part of every render key: raise it when the sound of the same clip would come out different.
RENDER_SETTINGS = "mp3-1"

ATTEMPTS = 4
RENDER_S = 30.0
KEPT_UNUSED = timedelta(hours=1)
GIVEN_UP = timedelta(days=1)


@job("render_clip", attempts=ATTEMPTS, lease_seconds=300)
async def render_clip(context: JobContext, clip: str, key: str) -> None:
    """Make the sound `key` of a clip, unless its draft has moved on meanwhile."""
    row = await _claim(UUID(clip), key)
    if row is None:
        return
    if twin := await queries.rendered_twin(key):
        await _settle(row, {**twin, "render": "ready", "render_error": ""})
        return
    try:
        rendered = await _rendered(row)
    except AudioRefused as refused:
        await _settle(row, {"render": "failed", "render_error": refused.reason})
        return
    except Exception:
        if context.attempt >= ATTEMPTS:
            await _settle(row, {"render": "failed", "render_error": "internal"})
        raise
    await storage().put_bytes(sound_key(row["recording"], key), rendered.mp3)
    ready = await _settle(
        row,
        {
            "render": "ready",
            "render_error": "",
            "duration_ms": rendered.duration_ms,
            "size_bytes": len(rendered.mp3),
            "bars": msgspec.json.encode(rendered.peaks).decode(),
        },
    )
    if not ready:
        await drop_unused(row["recording"], [sound_key(row["recording"], key)])


async def _claim(clip: UUID, key: str) -> dict[str, Any] | None:
    waiting = (Clip.id == clip) & (Clip.render_key == key) & Clip.render.is_in(["queued", "rendering"])
    if not await Clip.update({Clip.render: "rendering"}).where(waiting).returning(Clip.id):
        return None
    row = await queries.clip_row(clip)
    return row if row is not None and row["recording_state"] == "ready" else None


async def _rendered(row: dict[str, Any]) -> Rendered:
    from trainer.audio.render import render

    window = Span(row["start_ms"], row["end_ms"])
    cuts = tidy((Cut(**cut) for cut in msgspec.json.decode(row["redactions"])), window)
    redactions = [Redaction(cut.start_ms, cut.end_ms, cut.mode) for cut in cuts]
    async with storage().local_path(row["object_key"]) as path:
        span = (window.start_ms, window.end_ms, redactions, row["recording_ms"])
        return await in_child(render, path, *span, timeout_s=RENDER_S)


async def _settle(row: dict[str, Any], columns: dict[Any, Any]) -> bool:
    """Tell the row how it went; False when it asks for another sound by now, or is gone."""
    mine = (Clip.id == row["id"]) & (Clip.render_key == row["render_key"]) & (Clip.render == "rendering")
    return bool(await Clip.update(columns).where(mine).returning(Clip.id))


def failure_sentence(reason: str) -> str:
    """Why there is no sound, for people."""
    if reason == "internal":
        return _(
            "Something went wrong on our side while the sound was made. Save the clip once more to try again."
        )
    return _(AudioRefused(reason).sentence)  # type: ignore[arg-type]


async def drop_unused(recording: UUID, keys: list[str]) -> None:
    """Delete rendered sounds of a recording that no clip asks for."""
    used = {sound_key(recording, key) for key in await queries.used_render_keys(recording) if key}
    for key in keys:
        if key not in used:
            await storage().delete(key)


async def drop_forgotten(recording: UUID) -> None:
    """Delete the rendered sounds of a recording whose clips are gone. Safe to repeat."""
    await drop_unused(recording, [stored.key async for stored in storage().list(f"clips/{recording}")])


async def drop_all(recording: UUID) -> None:
    """Delete every rendered sound of a recording, whoever asks for it. Safe to repeat."""
    found = [stored.key async for stored in storage().list(f"clips/{recording}")]
    for key in found:
        await storage().delete(key)


@schedule("sweep_clip_sounds", at="03:30")
async def sweep_clip_sounds(context: JobContext) -> None:
    """Delete the sounds of earlier drafts. Young ones stay: a render may be about to name its result.

    A clip whose job was lost for good (it killed its worker each time) says so, and does not wait for ever.
    """
    lost = Clip.render.is_in(["queued", "rendering"]) & (Clip.updated_at < db.utc_now() - GIVEN_UP)
    await Clip.update({Clip.render: "failed", Clip.render_error: "internal"}).where(lost)
    before = datetime.now(UTC) - KEPT_UNUSED
    old: dict[UUID, list[str]] = {}
    async for stored in storage().list("clips"):
        if stored.modified < before:
            old.setdefault(UUID(stored.key.split("/")[1]), []).append(stored.key)
    for recording, keys in old.items():
        async with db.transaction():
            await drop_unused(recording, keys)
