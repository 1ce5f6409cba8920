"""A first look at a file, before anything is stored: is there sound in it that can be decoded?

Why: an upload is refused while the person still waits, in a sentence that names the reason. Invariant: what
passes here has given at least one decoded frame; the true length is only known to `measure`.
"""

from __future__ import annotations

from pathlib import Path

from trainer.audio import Probe
from trainer.audio.source import opened

# What their demuxers guess from a bit rate is worse than no answer.
_GUESSED_LENGTH = ("mp3", "aac", "amr", "mpeg", "mpegts", "ac3", "dts")


def probe(path: Path | str) -> Probe:
    """The declared facts of a file whose first sound decodes. Raises AudioRefused."""
    with opened(path) as source:
        next(source.frames())
        return Probe(
            duration_ms=None if source.format in _GUESSED_LENGTH else source.declared_ms,
            channels=source.channels,
            sample_rate_hz=source.rate,
            codec=source.codec,
            container=source.format,
        )
