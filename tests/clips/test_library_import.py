"""A library of calls and clips: taken in whole, credited, dated, safe to repeat."""

from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from tests.clips.makers import Cast
from trainer import db, facts
from trainer.clips import service
from trainer.clips.arithmetic import REMOVED
from trainer.clips.library import import_library
from trainer.problems import Invalid

pytestmark = pytest.mark.usefixtures("rules")

VTT = """WEBVTT

00:00.000 --> 00:04.000
<v Agent>Thanks for calling.

00:05.000 --> 00:09.000
<v Caller>My card is 4111 please.
"""

CALL = {"slug": "card", "title": "A card", "agent": "amara", "audio": "card.wav", "transcript": "card.vtt"}
CLIP = {
    "slug": "card-stop",
    "call": "card",
    "start_ms": 4_500,
    "end_ms": 9_500,
    "title": {"en": "Let me stop you", "zh-Hans": "先别说卡号"},
    "polarity": "exemplar",
    "cue_ms": 1_000,
    "note": {"en": "When does he step in?"},
    "why": {"en": "At once."},
    "rules": ["R02"],
    "redactions": [{"start_ms": 6_000, "end_ms": 8_000, "mode": "beep"}],
}


def a_library(folder: Path, tone: Path, clips: list[dict[str, object]]) -> Path:
    (folder / "card.wav").write_bytes(tone.read_bytes())
    (folder / "card.vtt").write_text(VTT)
    call = {**CALL, "days_ago": 40, "called_at_time": "10:42", "consent_basis": "synthetic", "language": "en"}
    (folder / "library.yaml").write_text(
        yaml.safe_dump({"calls": [call], "clips": clips}, allow_unicode=True)
    )
    return folder


async def test_calls_and_clips_come_in_published_and_credited(cast: Cast, tmp_path: Path, tone: Path):
    folder = a_library(tmp_path, tone, [CLIP])
    report = await import_library(folder, curator=cast.trainer.id, people={"amara": cast.agent.id})
    assert report.refused == {}
    clip = await service.load_clip(cast.viewer("agent"), report.published["card-stop"])
    assert (clip.state, clip.render, clip.slug) == ("published", "ready", "card-stop")
    assert (clip.curator_name, clip.agent_name) == ("Rosa Lind", "Amara Nwosu")
    assert clip.titles == CLIP["title"]
    assert REMOVED in clip.lines[-1].text
    assert "4111" not in clip.lines[-1].text
    for person in (cast.trainer, cast.agent):
        (fact,) = await facts.facts_of(person.id, ["clip_published"])
        assert timedelta(days=37) < db.utc_now() - fact.at < timedelta(days=41)


async def test_an_import_may_be_repeated(cast: Cast, tmp_path: Path, tone: Path):
    folder = a_library(tmp_path, tone, [CLIP])
    people = {"amara": cast.agent.id}
    first = await import_library(folder, curator=cast.trainer.id, people=people)
    again = await import_library(folder, curator=cast.trainer.id, people=people)
    assert set(first.published) == {"card-stop"}
    assert (again.published, again.known) == ({}, first.published)
    assert len(await service.visible_clips(cast.viewer("agent"))) == 1


async def test_a_bad_clip_is_named_and_the_others_come_in(cast: Cast, tmp_path: Path, tone: Path):
    bad = [
        {**CLIP, "slug": "too-late", "end_ms": 99_000},
        {**CLIP, "slug": "no-rule", "rules": ["R77"]},
        {**CLIP, "slug": "no-call", "call": "other"},
        {"slug": "hollow", "call": "card"},
    ]
    folder = a_library(tmp_path, tone, [*bad, CLIP])
    report = await import_library(folder, people={"amara": cast.agent.id})
    assert set(report.refused) == {"too-late", "no-rule", "no-call", "hollow"}
    assert set(report.published) == {"card-stop"}
    assert any("R77" in line for line in report.lines())


async def test_a_library_that_cannot_be_read_is_refused_whole(cast: Cast, tmp_path: Path):
    with pytest.raises(Invalid):
        await import_library(tmp_path)
    (tmp_path / "library.yaml").write_text("clips: [{title: no slug}]")
    with pytest.raises(Invalid):
        await import_library(tmp_path)
