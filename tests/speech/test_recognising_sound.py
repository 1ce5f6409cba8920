"""From sound to words: pieces that end where it is quiet, channels apart, and phrases that people would make."""

import wave
from array import array
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.speech.fake import Fake
from trainer.speech import RATE, Word, listening
from trainer.speech.listening import listen
from trainer.speech.phrasing import joined, turns

Bursts = list[tuple[int, int]]


def a_file(path: Path, *channels: Bursts, ms: int, rate: int = 8000) -> Path:
    """A WAV with a tone in each channel during these stretches."""
    count = ms * rate // 1000
    sound = np.zeros((count, len(channels)), np.int16)
    for channel, bursts in enumerate(channels):
        for start, end in bursts:
            at = np.arange(start * rate // 1000, end * rate // 1000)
            sound[at, channel] = (9000 * np.sin(2 * np.pi * (300 + 100 * channel) * at / rate)).astype(
                np.int16
            )
    with wave.open(str(path), "wb") as file:
        file.setnchannels(len(channels))
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(array("h", sound.ravel().tolist()).tobytes())
    return path


def heard(words: list[Word]) -> list[tuple[str, int, int]]:
    """To a tenth of a second: a tone's edge is a few samples wide."""
    return [(word.text, round(word.start_ms, -2), round(word.end_ms, -2)) for word in words]


def test_each_channel_is_a_voice_of_its_own(tmp_path: Path) -> None:
    path = a_file(tmp_path / "call", [(1000, 2000), (4000, 5000)], [(2500, 3500)], ms=6000)
    told: list[tuple[int, int]] = []
    agent, caller = listen(
        path, Fake(), "en", 6000, on_progress=lambda done, total: told.append((done, total))
    )
    assert heard(agent) == [("one", 1000, 2000), ("two", 4000, 5000)]
    assert heard(caller) == [("one", 2500, 3500)]
    assert told == sorted(told)
    assert told[-1] == (6000, 6000)


def test_one_sound_on_both_channels_is_one_voice_and_silence_is_passed_over(tmp_path: Path) -> None:
    same = a_file(tmp_path / "same", [(1000, 2000)], ms=3000)
    with wave.open(str(same)) as file:
        mono = np.frombuffer(file.readframes(24_000), np.int16)
    with wave.open(str(tmp_path / "both"), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(np.stack([mono, mono], axis=1).tobytes())
    assert [heard(voice) for voice in listen(tmp_path / "both", Fake(), "en", 3000)] == [
        [("one", 1000, 2000)]
    ]
    assert listen(a_file(tmp_path / "none", [], ms=3000), Fake(broken=True), "en", 3000) == [[]]


def test_a_long_call_is_cut_where_it_is_quiet_and_times_are_those_of_the_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "PIECE_MS", 10_000)
    monkeypatch.setattr(listening, "SEEK_MS", 4_000)
    bursts = [(start, start + 2600) for start in range(0, 60_000, 3000)]
    path = a_file(tmp_path / "long", bursts, ms=60_000)
    sizes: list[int] = []

    class Counting(Fake):
        def transcribe(self, pcm: Any, *rest: Any) -> list[Word]:
            sizes.append(len(pcm) * 1000 // RATE)
            return super().transcribe(pcm, *rest)

    [words] = listen(path, Counting(), "en", 60_000)
    assert [(word.start_ms // 100, word.end_ms // 100) for word in words] == [
        (start // 100, (start + 2600) // 100) for start, _end in bursts
    ]
    assert len(sizes) >= 5
    assert max(sizes) <= 14_000


def test_words_become_lines_at_pauses_ends_of_sentences_and_changes_of_voice() -> None:
    agent = [
        Word(0, 300, "Good"),
        Word(300, 700, "morning."),
        Word(1000, 1200, "How"),
        Word(1200, 1500, "can"),
        Word(3000, 3200, "I?"),
    ]
    caller = [Word(1600, 2000, "Hello."), Word(2000, 2100, "Hi.")]
    lines = turns([("agent", agent), ("caller", caller)])
    assert [(line.speaker, line.text) for line in lines] == [
        ("agent", "Good morning."),
        ("agent", "How can"),
        ("caller", "Hello. Hi."),
        ("agent", "I?"),
    ]
    long = [Word(n * 500, n * 500 + 480, "word") for n in range(100)]
    assert all(line.end_ms - line.start_ms <= 21_000 for line in turns([("", long)]))
    assert sum(len(line.words) for line in turns([("", long)])) == 100


def test_words_are_joined_as_each_script_is_written() -> None:
    assert joined(["Thank", "you,", "Grace."]) == "Thank you, Grace."
    assert joined(["您", "好", "，", "Grace", "小姐"]) == "您好，Grace小姐"
