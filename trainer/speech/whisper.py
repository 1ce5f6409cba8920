"""faster-whisper with a model that lies in a folder: the extra `asr`, imported when it is used.

Invariant: nothing is fetched. Handed the name of a model, or a folder without its tokenizer, the library would go
and download it; both are refused before it is asked.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from trainer.speech import RATE, Progress, SpeechCancelled, SpeechUnavailable, Word

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NEEDED: Final = ("model.bin", "config.json", "tokenizer.json")
# Whisper writes Chinese in either script; what stands before decides. A sentence that nobody misses in a transcript.
_SCRIPTS: Final = {"zh-Hans": "以下是普通话的通话。", "zh-Hant": "以下是國語的通話。"}


@dataclass(frozen=True, slots=True)
class Whisper:
    """A Whisper model in CTranslate2's format in `folder`."""

    folder: str

    @property
    def name(self) -> str:
        return f"faster-whisper ({Path(self.folder).name or '?'})"

    def check(self) -> None:
        if not self.folder:
            raise SpeechUnavailable("TRAINER_ASR_MODEL does not name a folder with a Whisper model.")
        missing = [name for name in NEEDED if not (Path(self.folder) / name).is_file()]
        if missing:
            raise SpeechUnavailable(
                f"{self.folder} holds no Whisper model for faster-whisper: {', '.join(missing)} missing."
            )
        if find_spec("faster_whisper") is None:
            raise SpeechUnavailable("faster-whisper is not installed: pip install 'trainer[asr]'.")

    def transcribe(
        self,
        pcm: NDArray[np.float32],
        language: str,
        on_progress: Progress,
        cancelled: Callable[[], bool],
    ) -> list[Word]:
        self.check()
        total = len(pcm) * 1000 // RATE
        pieces, _about = _model(self.folder).transcribe(
            pcm,
            language=language.partition("-")[0].lower() or None,
            initial_prompt=_SCRIPTS.get(language),
            word_timestamps=True,
            vad_filter=True,  # over silence it makes words up
            condition_on_previous_text=False,  # or one mistake is repeated until the end
        )
        words: list[Word] = []
        for piece in pieces:  # recognised one by one, as they are asked for
            if cancelled():
                raise SpeechCancelled
            for said in piece.words or ():
                start, end = _ms(said.start, total), _ms(said.end, total)
                if text := said.word.strip():
                    words.append(Word(start, max(start, end), text))
            on_progress(_ms(piece.end, total), total)
        on_progress(total, total)
        return sorted(words, key=lambda word: word.start_ms)


def _ms(seconds: float, most: int) -> int:
    return min(max(round(seconds * 1000), 0), most)


@lru_cache(maxsize=1)
def _model(folder: str) -> Any:
    os.environ["HF_HUB_OFFLINE"] = "1"
    from faster_whisper import WhisperModel

    threads = max(1, (os.cpu_count() or 2) - 1)  # one is left to whoever waits for a page
    try:
        return WhisperModel(
            folder, device="auto", compute_type="auto", cpu_threads=threads, local_files_only=True
        )
    except (RuntimeError, ValueError, OSError) as error:
        raise SpeechUnavailable(f"The Whisper model in {folder} cannot be loaded: {error}") from error
