"""A whole recording through an engine, in a child process: decoded piece by piece, each channel for itself.

A piece is a few minutes long and ends where it is quiet, so that an hour costs no more memory than a moment and no
word is cut in two. A channel in which nobody speaks is passed over, as engines make up words there; two channels
that hold the same sound are one.
Invariant: a word's time is that of the recording, counted as everywhere in `trainer.audio`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from trainer.audio.decode import decode_window
from trainer.speech import RATE, Engine, Progress, Word

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PIECE_MS: Final = 240_000
# The last part of a piece, in which a quiet place to end is looked for.
SEEK_MS: Final = 20_000
_HOP_MS: Final = 20
_QUIET_MS: Final = 300
_SILENT: Final = 10 ** (-55 / 20)  # -55 dBFS at its loudest: nobody speaks
_SAME: Final = 0.02


def listen(
    path: Path | str,
    engine: Engine,
    language: str,
    duration_ms: int,
    *,
    on_progress: Progress | None = None,
) -> list[list[Word]]:
    """The words of each channel; one list where all hold the same sound, or there is one channel.

    Raises AudioRefused where it cannot be decoded, SpeechUnavailable.
    """
    found: list[list[Word]] = []
    apart = False
    start = 0
    while start < duration_ms:
        end = min(start + PIECE_MS + SEEK_MS, duration_ms)
        sound = _piece(path, start, end, duration_ms)
        if end < duration_ms:
            end = start + _quiet_end(sound)
            sound = sound[:, : (end - start) * RATE // 1000]
        found = found or [[] for _channel in sound]
        same = _same(sound)
        apart = apart or not same
        for channel, voice in enumerate(sound[:1] if same else sound):
            done, share = start, (end - start) / (1 if same else len(sound))
            if abs(voice).max(initial=0) > _SILENT:
                report = _report(on_progress, done + int(channel * share), share, duration_ms)
                words = engine.transcribe(voice, language, report, lambda: False)
                found[channel] += [Word(w.start_ms + start, w.end_ms + start, w.text) for w in words]
        if on_progress:
            on_progress(end, duration_ms)
        start = end
    return found if apart else found[:1]


def _piece(path: Path | str, start_ms: int, end_ms: int, duration_ms: int) -> NDArray[np.float32]:
    """(channels, samples) at RATE Hz, -1 to 1."""
    import numpy as np
    from av import AudioFrame, AudioResampler

    window = decode_window(path, start_ms, end_ms, duration_ms)
    length = (end_ms - start_ms) * RATE // 1000
    pieces: Any = []
    for channel in window.samples:
        resampler = AudioResampler("fltp", "mono", RATE)
        frame = AudioFrame.from_ndarray(channel[None, :].copy(), format="s16p", layout="mono")
        frame.sample_rate = window.rate
        parts = [*resampler.resample(frame), *resampler.resample(None)]
        whole = np.concatenate([part.to_ndarray()[0] for part in parts])[:length]
        pieces.append(np.pad(whole, (0, length - len(whole))))
    sound: NDArray[np.float32] = np.stack(pieces).astype(np.float32)
    return sound


def _quiet_end(sound: NDArray[np.float32]) -> int:
    """Where, in ms, the last SEEK_MS of a piece are quietest: the middle of that place."""
    import numpy as np

    hop = RATE * _HOP_MS // 1000
    tail = sound[:, -(SEEK_MS * RATE // 1000) :]
    count = tail.shape[1] // hop
    power = (tail[:, : count * hop] ** 2).sum(axis=0).reshape(count, hop).mean(axis=1)
    wide = _QUIET_MS // _HOP_MS
    quietest = int(np.convolve(power, np.ones(wide), mode="valid").argmin())
    begins = sound.shape[1] * 1000 // RATE - count * _HOP_MS
    return begins + (quietest + wide // 2) * _HOP_MS


def _same(sound: NDArray[np.float32]) -> bool:
    """Whether all channels hold one sound: a mono call in a stereo file."""
    loud = abs(sound).max(initial=0)
    return len(sound) == 1 or bool(abs(sound - sound[0]).max(initial=0) <= max(_SAME * loud, 1e-4))


def _report(on_progress: Progress | None, done: int, share: float, total: int) -> Progress:
    def report(ms: int, of_ms: int) -> None:
        if on_progress:
            on_progress(done + int(share * ms / max(of_ms, 1)), total)

    return report
