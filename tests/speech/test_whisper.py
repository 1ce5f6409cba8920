"""The adapter for faster-whisper, against a stand-in with the call shape of faster-whisper 1.2.

No model can be fetched here, so that what is recognised is not tested: how the library is asked, what is made of its
answers, and that it is never asked for anything that it would have to download.
"""

import sys
import types
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trainer import doctor, speech
from trainer.settings import Settings
from trainer.speech import RATE, SpeechCancelled, SpeechUnavailable, Word, whisper
from trainer.speech.whisper import Whisper


@dataclass
class Said:
    start: float
    end: float
    word: str
    probability: float = 0.9


@dataclass
class Piece:
    start: float
    end: float
    text: str
    words: list[Said] | None


class StandIn:
    """`WhisperModel` as faster-whisper 1.2 has it: options by name, a generator of segments, times in seconds."""

    made: list[tuple[str, dict[str, Any]]] = []  # noqa: RUF012
    asked: list[dict[str, Any]] = []  # noqa: RUF012
    pulled = 0

    def __init__(
        self,
        model_size_or_path: str,
        device: str = "auto",
        compute_type: str = "default",
        cpu_threads: int = 0,
        local_files_only: bool = False,
    ) -> None:
        if "broken" in model_size_or_path:
            raise RuntimeError("Unable to open file 'model.bin'")
        StandIn.made.append(
            (model_size_or_path, {"local_files_only": local_files_only, "threads": cpu_threads})
        )

    def transcribe(
        self,
        audio: Any,
        language: str | None = None,
        initial_prompt: str | None = None,
        word_timestamps: bool = False,
        vad_filter: bool = False,
        condition_on_previous_text: bool = True,
    ) -> tuple[Any, object]:
        StandIn.asked.append(
            {"language": language, "prompt": initial_prompt, "words": word_timestamps, "vad": vad_filter}
        )
        assert audio.dtype == np.float32

        def pieces() -> Any:
            for piece in (
                Piece(0.0, 1.0, " Good morning.", [Said(0.1, 0.4, " Good"), Said(0.4, 0.9, " morning.")]),
                Piece(1.0, 1.2, " ", [Said(1.0, 1.1, " ")]),
                Piece(1.2, 1.5, "", None),
                Piece(1.5, 9.0, " Bye", [Said(1.5, 9.0, " Bye")]),
            ):
                StandIn.pulled += 1
                yield piece

        return pieces(), object()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that looks like a model, with the library's stand-in installed."""
    for name in whisper.NEEDED:
        (tmp_path / name).write_bytes(b"{}")
    module = types.ModuleType("faster_whisper")
    module.WhisperModel = StandIn  # type: ignore[attr-defined]
    module.__spec__ = types.SimpleNamespace()  # type: ignore[assignment]
    monkeypatch.setitem(sys.modules, "faster_whisper", module)
    monkeypatch.setattr(StandIn, "made", [])
    monkeypatch.setattr(StandIn, "asked", [])
    monkeypatch.setattr(StandIn, "pulled", 0)
    whisper._model.cache_clear()
    return tmp_path


SOUND = np.zeros(2 * RATE, np.float32)


def test_words_come_with_their_times_within_the_sound(folder: Path) -> None:
    told: list[tuple[int, int]] = []
    engine = Whisper(str(folder))
    words = engine.transcribe(SOUND, "en-GB", lambda done, total: told.append((done, total)), lambda: False)
    assert words == [Word(100, 400, "Good"), Word(400, 900, "morning."), Word(1500, 2000, "Bye")]
    assert told[0] == (1000, 2000)
    assert told[-1] == (2000, 2000)
    assert StandIn.asked == [{"language": "en", "prompt": None, "words": True, "vad": True}]


def test_the_model_is_loaded_once_from_its_folder_and_never_from_the_network(folder: Path) -> None:
    engine = Whisper(str(folder))
    for language in ("zh-Hans", "zh-Hant"):
        engine.transcribe(SOUND, language, lambda done, total: None, lambda: False)
    assert [(path, how["local_files_only"]) for path, how in StandIn.made] == [(str(folder), True)]
    assert [(how["language"], bool(how["prompt"])) for how in StandIn.asked] == [("zh", True), ("zh", True)]
    assert StandIn.asked[0]["prompt"] != StandIn.asked[1]["prompt"]


def test_nothing_more_is_recognised_once_nobody_wants_it(folder: Path) -> None:
    with pytest.raises(SpeechCancelled):
        Whisper(str(folder)).transcribe(SOUND, "en", lambda done, total: None, lambda: True)
    assert StandIn.pulled == 1


@pytest.mark.parametrize("missing", whisper.NEEDED)
def test_a_folder_that_the_library_would_have_to_complete_is_refused(folder: Path, missing: str) -> None:
    (folder / missing).unlink()
    with pytest.raises(SpeechUnavailable, match=missing.replace(".", r"\.")):
        Whisper(str(folder)).transcribe(SOUND, "en", lambda done, total: None, lambda: False)
    assert StandIn.made == []


def test_the_name_of_a_model_is_no_folder() -> None:
    for name in ("tiny", "Systran/faster-whisper-tiny", ""):
        with pytest.raises(SpeechUnavailable):
            Whisper(name).check()


def test_a_model_that_cannot_be_loaded_says_so(folder: Path) -> None:
    broken = folder / "broken"
    broken.mkdir()
    for name in whisper.NEEDED:
        (broken / name).write_bytes(b"")
    with pytest.raises(SpeechUnavailable, match="cannot be loaded"):
        Whisper(str(broken)).transcribe(SOUND, "en", lambda done, total: None, lambda: False)


def test_the_settings_choose_the_engine_and_doctor_looks_at_it(folder: Path, tmp_path: Path) -> None:
    assert speech.engine_of(Settings(data=tmp_path)) is None
    chosen = speech.engine_of(Settings(data=tmp_path, asr="whisper", asr_model=folder))
    assert chosen == Whisper(str(folder))


async def test_doctor_tells_how_recognition_stands(folder: Path, tmp_path: Path) -> None:
    async def found(**settings: Any) -> doctor.Finding:
        [finding] = await doctor.check_speech(Settings(data=tmp_path, **settings))
        return finding

    assert (await found()).well
    assert (await found(asr="whisper", asr_model=folder)).level == "well"
    (folder / "tokenizer.json").unlink()
    lacking = await found(asr="whisper", asr_model=folder)
    assert (lacking.level, "tokenizer.json" in lacking.what) == ("wrong", True)
