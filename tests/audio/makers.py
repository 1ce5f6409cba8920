"""Sound files made on the spot with PyAV, each with a click at a known moment, and ears to find it again."""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

Sound = NDArray[np.float32]
"""(channels, samples) in -1..1."""


def call(
    seconds: float, rate: int, clicks_ms: Sequence[int] = (), channels: int = 1, level: float = 0.02
) -> Sound:
    """Something like a call: bursts of coloured noise with pauses, loud and quiet in turn, and sharp clicks.

    The turns make encoders of variable bit rate vary. With two channels the click is in the first alone.
    """
    generator = np.random.default_rng(7)
    count = int(seconds * rate)
    noise = generator.standard_normal(count + 8)
    voice = np.convolve(noise, np.ones(8) / 8, "valid")[:count]
    time = np.arange(count) / rate
    syllables = np.clip(np.sin(2 * np.pi * 3.1 * time), 0, 1) * (np.sin(2 * np.pi * time / 23) > -0.4)
    one = (level * 3 * voice * syllables).astype(np.float32)
    sound = np.stack([one] + [np.roll(one, rate // 3 * (c + 1)) for c in range(channels - 1)])
    length = max(8, rate // 250)
    click = 0.8 * np.hanning(length) * np.sin(2 * np.pi * 1500 * np.arange(length) / rate)
    for ms in clicks_ms:
        at = ms * rate // 1000 - length // 2
        sound[0, at : at + length] += click
    return sound


def speech(seconds: float, rate: int, level: float = 0.1) -> Sound:
    """A buzzing voice with syllables, pauses and plosives: peaks some 15 dB above its mean, as speech has."""
    generator = np.random.default_rng(11)
    count = int(seconds * rate)
    time = np.arange(count) / rate
    pitch = 120 + 25 * np.sin(2 * np.pi * 0.7 * time)
    phase = 2 * np.pi * np.cumsum(pitch) / rate
    buzz = sum(np.sin(k * phase) / k for k in range(1, min(24, rate // 600)))
    syllables = np.clip(np.sin(2 * np.pi * 2.3 * time), 0, 1) ** 2 * (np.sin(2 * np.pi * 0.21 * time) > -0.7)
    plosives = (generator.random(count) > 1 - 3 / rate).astype(float)
    burst = np.convolve(plosives, np.exp(-np.arange(rate // 50) / (rate / 400)), "full")[:count]
    breath = 0.05 * generator.standard_normal(count)
    sound = level * (buzz * syllables + 2 * burst * generator.standard_normal(count) + breath)
    return np.clip(sound, -1, 1).astype(np.float32)[None]


@dataclass(frozen=True)
class Kind:
    """A way to store sound."""

    name: str
    container: str
    codec: str
    rate: int
    channels: int = 1
    bit_rate: int = 0
    quality: int | None = None
    options: tuple[tuple[str, str], ...] = ()
    tagged: bool = True
    """Whether the file says how much its encoder added in front, so that it plays where it was recorded."""


UNTAGGED = (("write_xing", "0"),)
FRAGMENTS = (("movflags", "frag_keyframe+empty_moov"),)
LATE_INDEX = (("movflags", "frag_keyframe+delay_moov"),)
KINDS = {
    kind.name: kind
    for kind in (
        Kind("wav", "wav", "pcm_s16le", 16_000),
        Kind("wav_24bit", "wav", "pcm_s24le", 44_100),
        Kind("wav_stereo", "wav", "pcm_s16le", 8_000, channels=2),
        Kind("telephone", "wav", "pcm_mulaw", 8_000),
        Kind("flac", "flac", "flac", 16_000),
        Kind("mp3_cbr", "mp3", "libmp3lame", 44_100, bit_rate=64_000),
        Kind("mp3_low", "mp3", "libmp3lame", 8_000, bit_rate=16_000),
        Kind("mp3_vbr", "mp3", "libmp3lame", 22_050, quality=4),
        Kind("mp3_vbr_untagged", "mp3", "libmp3lame", 44_100, quality=6, options=UNTAGGED, tagged=False),
        Kind("opus", "ogg", "libopus", 48_000, bit_rate=24_000),
        Kind("opus_stereo", "ogg", "libopus", 48_000, channels=2, bit_rate=32_000),
        Kind("webm_live", "webm", "libopus", 48_000, bit_rate=24_000, options=(("live", "1"),)),
        Kind("m4a", "ipod", "aac", 44_100, bit_rate=48_000),
        Kind("m4a_16k", "ipod", "aac", 16_000, bit_rate=24_000, options=(("movflags", "faststart"),)),
        Kind("mp4_parts", "mp4", "aac", 48_000, bit_rate=48_000, options=FRAGMENTS, tagged=False),
        Kind("mp4_from_a_phone", "mp4", "aac", 44_100, bit_rate=48_000, options=LATE_INDEX),
        Kind("adts", "adts", "aac", 16_000, bit_rate=24_000, tagged=False),
    )
}  # fmt: skip


def write(path: Path, kind: Kind, sound: Sound, *, packets_apart_s: int = 0) -> Path:
    """Store the sound. With `packets_apart_s` each packet claims to begin so long after the one before."""
    with av.open(str(path), "w", format=kind.container, options=dict(kind.options)) as container:
        layout = "stereo" if kind.channels == 2 else "mono"
        stream: Any = container.add_stream(kind.codec, rate=kind.rate, layout=layout)
        if kind.bit_rate:
            stream.bit_rate = kind.bit_rate
        if kind.quality is not None:
            stream.codec_context.qscale = True
            stream.codec_context.global_quality = kind.quality * 118
        resampler = av.AudioResampler(stream.format, stream.layout, kind.rate)
        packets: list[Any] = []
        for at in range(0, sound.shape[1], kind.rate):
            part = np.ascontiguousarray(sound[:, at : at + kind.rate])
            frame = av.AudioFrame.from_ndarray(part, "fltp", layout)
            frame.sample_rate, frame.pts = kind.rate, at
            for out in resampler.resample(frame):
                packets += stream.encode(out)
        for number, packet in enumerate([*packets, *stream.encode(None)]):
            if packets_apart_s:
                packet.pts = packet.dts = int(number * packets_apart_s / packet.time_base)
            container.mux(packet)
    return path


def wav_bytes(
    samples: bytes, *, rate: int = 8000, channels: int = 1, bits: int = 16, data_size: int | None = None
) -> bytes:
    """A WAV file by hand, whose header may lie."""
    size = len(samples) if data_size is None else data_size
    block = channels * bits // 8
    head = struct.pack(
        "<IHHIIHH", 16, 1, channels, rate & 0xFFFFFFFF, rate * block & 0xFFFFFFFF, block & 0xFFFF, bits
    )
    body = b"WAVEfmt " + head + b"data" + struct.pack("<I", size) + samples
    return b"RIFF" + struct.pack("<I", (4 + len(body)) & 0xFFFFFFFF) + body


def video_bytes(container: str = "mp4") -> bytes:
    """Half a second of moving picture without sound."""
    file = io.BytesIO()
    with av.open(file, "w", format=container) as out:
        stream: Any = out.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for shade in range(5):
            picture = np.full((64, 64, 3), shade * 40, np.uint8)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        out.mux(stream.encode(None))
    return file.getvalue()


def played(path: Path | bytes) -> tuple[Sound, int]:
    """((channels, samples), rate) as a player that starts at the beginning gives them: the judge of every
    position.
    """
    source = io.BytesIO(path) if isinstance(path, bytes) else str(path)
    with av.open(source) as container:
        stream = container.streams.audio[0]
        resampler = None
        pieces: list[Any] = []
        for frame in container.decode(stream):
            if resampler is None:
                resampler = av.AudioResampler("fltp", frame.layout, frame.sample_rate)
                rate = frame.sample_rate
            pieces += [piece.to_ndarray() for piece in resampler.resample(frame)]
    return np.concatenate(pieces, axis=1), rate


def clicks_in(sound: Sound, rate: int, threshold: float = 0.3) -> list[float]:
    """Where the clicks are, in ms: the middle of the energy around each place that is far louder than the
    rest.
    """
    power = np.convolve((sound * sound).max(axis=0), np.ones(rate // 500) * 500 / rate, "same")
    found: list[float] = []
    while power.size and power.max() > threshold**2:
        top = int(power.argmax())
        around = slice(max(0, top - rate // 200), top + rate // 200)
        weights = power[around]
        found.append(
            1000 * (around.start + float((weights * np.arange(len(weights))).sum() / weights.sum())) / rate
        )
        power[max(0, top - rate // 50) : top + rate // 50] = 0
    return sorted(found)
