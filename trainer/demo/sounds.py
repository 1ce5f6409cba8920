"""Further calls for the sample centre, out of the sounds of its library: in a child, like all decoding."""

import wave
from pathlib import Path
from typing import Any


def pieces(source: str, target: str, parts: list[tuple[int, int, int]], earlier_ms: int = 0) -> None:
    """Writes parts of a call as a WAV file. Each is (from, to, what stays silent after it), in ms.

    `earlier_ms`: the second channel comes so much earlier, so that two people talk at once.
    """
    import numpy as np

    from trainer.audio.decode import decode_window

    generator = np.random.default_rng(1)
    found: list[Any] = []
    for start, end, pause in parts:
        window = decode_window(Path(source), start, end)
        hiss = generator.normal(0, 12, (window.samples.shape[0], pause * window.rate // 1000))
        found += [window.samples, hiss.astype(np.int16)]
    sound = np.concatenate(found, axis=1)
    if earlier_ms:
        sound[1:] = np.roll(sound[1:], -earlier_ms * window.rate // 1000, axis=1)
    with wave.open(target, "wb") as file:
        file.setnchannels(sound.shape[0])
        file.setsampwidth(2)
        file.setframerate(window.rate)
        file.writeframes(sound.T.astype("<i2").tobytes())
