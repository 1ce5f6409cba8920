"""What is redacted is gone from the finished clip: no digit, no trace of one, whatever the recording was like."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.audio import makers
from tests.audio.test_loudness import heard_by_a_meter
from trainer.audio import Redaction, Rendered
from trainer.audio.decode import decode_window
from trainer.audio.edit import covers, edited
from trainer.audio.render import mixed, render

# Each digit of a card as two tones, as a telephone's keys sound: nothing else in the call sounds like them.
KEYS = {"1": (697, 1209), "2": (697, 1336), "3": (697, 1477), "4": (770, 1209), "5": (770, 1336)}
TONES = sorted({tone for pair in KEYS.values() for tone in pair})
CARD = "4111222233334445"
FROM_MS, TO_MS = 1_500, 4_700  # 16 digits of 0.2 s


def a_card_read_out(rate: int, channels: int = 1, *, antiphase: bool = False) -> makers.Sound:
    """Six seconds of a voice, of which 3.2 s are the card's digits, to the very sample."""
    sound = makers.speech(6, rate)[0]
    each = rate // 5
    time = np.arange(each) / rate
    start = FROM_MS * rate // 1000
    for number, digit in enumerate(CARD):
        low, high = KEYS[digit]
        tones = 0.25 * (np.sin(2 * np.pi * low * time) + np.sin(2 * np.pi * high * time))
        sound[start + number * each : start + (number + 1) * each] = tones
    other = -sound if antiphase else np.roll(sound, rate // 7)
    if channels == 2 and not antiphase:
        other[start : start + len(CARD) * each] = 0.1 * sound[start : start + len(CARD) * each]
    return np.stack([sound, other][:channels]).astype(np.float32)


def rendered(path: Path, redactions: list[Redaction]) -> Rendered:
    return render(path, 0, 6_000, redactions, 6_000)


def stored(path: Path, rate: int, sound: makers.Sound, name: str = "wav") -> Path:
    kind = makers.Kind("", "wav", "pcm_s16le", rate, channels=len(sound))
    if name != "wav":
        kind = makers.Kind("", "mp3", "libmp3lame", rate, channels=len(sound), bit_rate=64_000)
    return makers.write(path, kind, sound)


def strength(sound: makers.Sound, rate: int, hertz: float) -> float:
    """How strong one tone is (1.0: a full one), by itself: a narrow filter."""
    count = sound.shape[1]
    window = np.hanning(count)
    turning = np.exp(-2j * np.pi * hertz * np.arange(count) / rate)
    return float(2 * abs((sound[0] * window * turning).sum()) / window.sum())


@pytest.mark.parametrize(
    ("rate", "channels", "antiphase", "name", "mode"),
    [
        (8_000, 1, False, "wav", "beep"),
        (8_000, 1, False, "wav", "silence"),
        (16_000, 2, False, "wav", "beep"),
        (44_100, 2, True, "wav", "beep"),
        (16_000, 1, False, "mp3", "beep"),
        (44_100, 2, False, "mp3", "silence"),
    ],
)
def test_no_digit_survives(
    rate: int, channels: int, antiphase: bool, name: str, mode: str, tmp_path: Path
) -> None:
    path = stored(tmp_path / "call", rate, a_card_read_out(rate, channels, antiphase=antiphase), name)
    # as it is suggested: a margin of 0.3 s on both sides
    clip = rendered(path, [Redaction(FROM_MS - 300, TO_MS + 300, mode)])  # type: ignore[arg-type]
    played, out_rate = makers.played(clip.mp3)
    inside = played[:, (FROM_MS - 250) * out_rate // 1000 : (TO_MS + 250) * out_rate // 1000]
    open_played, _rate = makers.played(rendered(path, []).mp3)
    spoken = open_played[:, FROM_MS * out_rate // 1000 : TO_MS * out_rate // 1000]
    for tone in TONES:
        assert strength(inside, out_rate, tone) < 0.001, tone
    assert (
        max(strength(spoken, out_rate, tone) for tone in TONES) > 0.01
    )  # the filter does hear them where they are
    if mode == "beep":
        power = np.abs(np.fft.rfft(inside[0] * np.hanning(inside.shape[1]))) ** 2
        at = round(1000 * inside.shape[1] / out_rate)
        assert power[at - 8 : at + 9].sum() > 0.9999 * power.sum()
    else:
        assert np.abs(inside).max() < 0.002
    # and the bars that are drawn of it know as little as the sound
    bars = clip.peaks[round(120 * FROM_MS / 6000) + 1 : round(120 * TO_MS / 6000) - 1]
    assert max(bars) - min(bars) <= 3


@settings(max_examples=6, deadline=None)
@given(
    channels=st.sampled_from([1, 2]),
    start=st.integers(0, 1_200),
    length=st.integers(1, 700),
    mode=st.sampled_from(["beep", "silence"]),
    seeds=st.tuples(st.integers(0, 99), st.integers(100, 199)),
    loud=st.sampled_from([0.0, 0.01, 0.5, 1.0]),
)
def test_two_calls_that_differ_only_in_what_is_hidden_give_the_same_file(
    tmp_path_factory: pytest.TempPathFactory,
    channels: int,
    start: int,
    length: int,
    mode: str,
    seeds: tuple[int, int],
    loud: float,
) -> None:
    """Byte for byte: so nothing can be told from the clip about what was said, not even how loud it was."""
    folder = tmp_path_factory.mktemp("twins")
    rate = 8_000
    plain = np.concatenate([makers.speech(2, rate)] * channels)
    first, last = start * rate // 1000, (start + length) * rate // 1000
    files = []
    for number, seed in enumerate(seeds):
        sound = plain.copy()
        noise = np.random.default_rng(seed).uniform(-1, 1, (channels, last - first))
        sound[:, first:last] = noise * (loud if number else 0.3)
        path = stored(folder / str(number), rate, sound)
        redaction = Redaction(start, start + length, mode)  # type: ignore[arg-type]
        files.append(render(path, 0, 2_000, [redaction], 2_000).mp3)
    assert files[0] == files[1]


@settings(max_examples=10, deadline=None)
@given(
    cuts=st.lists(st.tuples(st.integers(0, 5_000), st.integers(20, 900)), min_size=1, max_size=3),
    mode=st.sampled_from(["beep", "silence"]),
)
def test_outside_of_redactions_every_sample_is_the_calls(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[tuple[int, int]], mode: str
) -> None:
    """Before levelling and encoding, to one step of 16 bits; through the decoder and the mix of two channels."""
    path = tmp_path_factory.getbasetemp() / "two_voices.wav"
    if not path.exists():
        stored(path, 16_000, a_card_read_out(16_000, 2))
    window = decode_window(path, 0, 6_000, 6_000)
    spans = covers([Redaction(at, at + long, mode) for at, long in cuts], 16_000, 0, window.samples.shape[1])  # type: ignore[arg-type]
    call = mixed(window.samples)
    clip = edited(call, 16_000, spans, fade_ms=0)
    hidden = np.zeros(len(call), bool)
    for span in spans:
        hidden[span.start : span.end] = True
    assert np.abs(clip[~hidden].astype(int) - call[~hidden]).max(initial=0) <= 1


@pytest.mark.parametrize("mode", ["beep", "silence"])
@pytest.mark.parametrize("level", [0.08, 0.4])
def test_a_redacted_clip_is_as_loud_as_any(mode: str, level: float, tmp_path: Path) -> None:
    path = stored(tmp_path / "call", 16_000, makers.speech(8, 16_000, level))
    redactions = [Redaction(1_000, 2_200, mode), Redaction(5_000, 5_600, mode)]  # type: ignore[arg-type]
    clip = render(path, 0, 8_000, redactions, 8_000)
    lufs, peak = heard_by_a_meter(clip.mp3, tmp_path)
    assert lufs == pytest.approx(-16, abs=0.5)
    assert peak <= -1.0


def high_parts(sound: np.ndarray, rate: int) -> float:
    """The power above 2 kHz of the first tenth of a second, in whose middle the sound begins."""
    part = sound[: rate // 10] * np.hanning(rate // 10)
    power = np.abs(np.fft.rfft(part)) ** 2
    return float(power[np.fft.rfftfreq(rate // 10, 1 / rate) > 2_000].sum())


@pytest.mark.parametrize("length_ms", [300, 2_000])
@pytest.mark.parametrize("start_ms", [0, 1_700])
def test_a_clip_begins_and_ends_without_a_click(length_ms: int, start_ms: int, tmp_path: Path) -> None:
    """Cut out of the middle of a loud tone, which a hard cut would break off with a bang over all frequencies."""
    time = np.arange(4 * 16_000) / 16_000
    sound = (0.5 * np.sin(2 * np.pi * 300 * time + 1.5)).astype(np.float32)[None]
    path = stored(tmp_path / "call", 16_000, sound)
    clip = render(path, start_ms, start_ms + length_ms, [], 4_000)
    played, rate = makers.played(clip.mp3)
    assert clip.duration_ms == pytest.approx(length_ms, abs=1)
    hard = np.pad(sound[0, : length_ms * 16], rate // 20) * np.std(played) / np.std(sound)
    soft = np.pad(played[0], rate // 20)
    assert high_parts(soft, rate) < high_parts(hard, rate) / 50
    assert high_parts(soft[::-1], rate) < high_parts(hard, rate) / 50
    assert abs(played[0, 0]) < 0.02
    assert abs(played[0, -1]) < 0.03


def test_two_channels_in_antiphase_keep_their_voice_around_a_redaction(tmp_path: Path) -> None:
    path = stored(tmp_path / "call", 16_000, a_card_read_out(16_000, 2, antiphase=True))
    clip = rendered(path, [Redaction(FROM_MS, TO_MS)])
    assert heard_by_a_meter(clip.mp3, tmp_path)[0] == pytest.approx(-16, abs=0.5)
    played, rate = makers.played(clip.mp3)
    voice = played[0, : FROM_MS * rate // 1000]
    tone = played[0, 2 * rate : 4 * rate]
    assert np.std(voice) > 0.3 * np.std(tone)
