"""Opening a file by its content, never by its name, and walking through its sound once.

Why: FFmpeg would follow a playlist to other files and addresses, guess a format from an extension, and open
any of hundreds of demuxers. Invariant: only what stands in FORMATS is ever opened, through a file
descriptor that hides the name, and whatever is wrong with a file comes out as AudioRefused.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Final

from trainer.audio import LONGEST_RECORDING_MS, AudioRefused, Reason

if TYPE_CHECKING:
    import av
    from av.audio.frame import AudioFrame
    from av.audio.stream import AudioStream
    from av.container import InputContainer

# Recorders, telephones, browsers, phones and video meetings. Playlists (hls, concat, dash), devices,
# images, subtitles and formats known by their extension alone are left out on purpose.
FORMATS: Final = (
    "wav,w64,mp3,flac,ogg,matroska,webm,mov,mp4,m4a,3gp,3g2,mj2,aac,loas,amr,amrnb,amrwb,aiff,au,caf,asf,"
    "avi,flv,mpegts,mpeg,ac3,eac3,dts,wv,ape,tta,voc,tak,g729,gsm,nut"
)
LOWEST_RATE_HZ: Final = 4_000
HIGHEST_RATE_HZ: Final = 384_000
MOST_CHANNELS: Final = 8
MOST_STREAMS: Final = 32
# Timestamps in milliseconds and jittery recorders wobble by less; a real hole (a muted browser) is longer.
GAP_S: Final = Fraction(40, 1000)
# Packets that give no sound before a file counts as unreadable: encoders start with a few at most.
PATIENCE: Final = 500

# Encoders put up to some thousand samples in front and behind, and say so in an edit list.
_USUAL_EDIT_S: Final = 0.2
# FFmpeg looks five seconds into a WAV in case it hides something else; a 64 kB look is enough to tell.
_WAV: Final = {"probesize": "65536"}
# Reading all of a WAV goes seven times faster in megabytes than in pieces of 4 kB.
_WHOLE_WAV: Final = {**_WAV, "max_size": "1048576"}

# The first bytes of recordings of all kinds, whole or not; the last two are Matroska and Windows Media.
_SIGNATURES: Final = (
    *b"RIFF RF64 OggS fLaC ID3 FORM .snd caff #!AMR FLV wvpk".split(),
    *(b"\x1aE\xdf\xa3", b"0&\xb2u"),
)


@dataclass(slots=True)
class Source:
    """One opened file with its best sound stream. Not thread-safe; `frames` and `seek` share one position."""

    container: InputContainer
    stream: AudioStream
    format: str
    codec: str
    rate: int
    channels: int
    size: int
    """Bytes in the file."""
    bad_packets: int = 0
    good_packets: int = 0
    good_bytes: int = 0
    hole: int = 0
    """Samples that the timestamps say are missing between frames."""
    origin: int | None = field(default=None)
    """The timestamp (in the stream's time base) of the first sample that is heard."""
    first_packet: tuple[int, int] | None = None
    """(byte offset, timestamp) of the first packet: what is cut off after it is the encoder's delay."""

    @property
    def declared_ms(self) -> int | None:
        """The length that the file declares or implies, in ms; an estimate for raw streams."""
        if self.stream.duration and self.stream.time_base:
            return int(self.stream.duration * self.stream.time_base * 1000)
        return self.container.duration // 1000 if self.container.duration else None

    @property
    def light_is_right(self) -> bool:
        """Whether a light opening put everything in its place: always, but for an MP4 with more than the
        usual edit.

        Known once the first frame is decoded. An edit shows as sound before time zero, or as a length of
        the sound that is not the length of the whole.
        """
        if self.format != "mov":
            return True
        if not (self.stream.duration and self.stream.time_base and self.container.duration):
            return False
        differs = float(self.stream.duration * self.stream.time_base) - self.container.duration / 1_000_000
        return (self.origin or 0) >= 0 and abs(differs) < _USUAL_EDIT_S

    def packets(self) -> Iterator[av.Packet[AudioStream]]:
        """The stream's packets from here on; stops quietly where the file breaks off."""
        from av.error import FFmpegError

        try:
            yield from self.container.demux(self.stream)
        except MemoryError as error:
            raise AudioRefused("too_demanding") from error
        except FFmpegError:
            return

    def decode(self, packet: av.Packet[AudioStream]) -> list[AudioFrame]:
        """The packet's frames; none, and counted, where it cannot be decoded."""
        from av.error import EOFError, FFmpegError

        try:
            frames = packet.decode()
        except MemoryError as error:
            raise AudioRefused("too_demanding") from error
        except EOFError:
            return []
        except FFmpegError:
            self.bad_packets += 1
            return []
        if frames:
            self.good_packets += 1
            self.good_bytes += packet.size
        return frames

    def frames(self, *, skip_to_ms: int = 0) -> Iterator[tuple[int, AudioFrame]]:
        """(position in samples of its first sample, frame), in order, from where the file stands.

        Positions follow the timestamps where they leave a hole of more than GAP_S, and count samples
        otherwise. Packets that end before `skip_to_ms` are passed over undecoded once the origin is known.
        Ends at once when the first frame after a seek carries no timestamp: nobody could say where it
        belongs. Raises AudioRefused("no_samples" or "damaged") when a walk from the start finds nothing.
        """
        time_base = self.stream.time_base or Fraction(1, self.rate)
        expected = shift = silent_packets = 0
        placed = False
        longest = self.rate * (LONGEST_RECORDING_MS // 1000 + 1)
        # plain integers below: fractions would take longer than decoding does
        gap = int(GAP_S * self.rate)
        up, down = time_base.numerator * self.rate, time_base.denominator
        for packet in self.packets():
            if self.first_packet is None:
                self.first_packet = (packet.pos or 0, packet.pts or 0)
            if skip_to_ms and self.origin is not None and packet.pts is not None and packet.size:
                ends = packet.pts + (packet.duration or 0) - self.origin
                if ends * time_base.numerator * 1000 < skip_to_ms * down:
                    continue
            frames = self.decode(packet)
            if not frames and not placed:
                silent_packets += 1
                if silent_packets > PATIENCE:
                    raise AudioRefused("damaged")
            for frame in frames:
                if self.origin is None:
                    # the decoder is right, not the header: HE-AAC plays at twice the rate that it names
                    self.rate, self.channels = frame.sample_rate, frame.layout.nb_channels
                    self.origin = frame.pts or 0
                    longest = self.rate * (LONGEST_RECORDING_MS // 1000 + 1)
                    gap, up = int(GAP_S * self.rate), time_base.numerator * self.rate
                    placed = True
                elif not placed and frame.pts is None:
                    return
                if frame.pts is not None:
                    stands = (frame.pts - self.origin) * up // down + shift
                    if not placed or stands - expected > gap:
                        self.hole += stands - expected if placed else 0
                        expected = stands
                    elif expected - stands > gap:
                        shift += expected - stands  # timestamps start anew: files that were glued together
                placed = True
                samples = frame.samples
                if frame.sample_rate != self.rate:
                    samples = samples * self.rate // frame.sample_rate
                if expected > longest:  # before anybody fills the hole up to here with silence
                    raise AudioRefused("too_long")
                yield expected, frame
                expected += samples
        if self.origin is None:
            raise AudioRefused("damaged" if self.bad_packets else "no_samples")

    def seek(self, sample: int) -> bool:
        """Stand at or before `sample` (counted from the origin, which must be known). False where this file
        cannot.
        """
        from av.error import FFmpegError

        time_base = self.stream.time_base or Fraction(1, self.rate)
        offset = (self.origin or 0) + int(Fraction(sample, self.rate) / time_base)
        try:
            self.container.seek(offset, stream=self.stream)
        except FFmpegError:
            return False
        return True


@contextmanager
def opened(path: Path | str, *, in_one_go: bool = False, light: bool = False) -> Iterator[Source]:
    """The file's sound; `in_one_go` where all of it will be read.

    `light` takes half the time and memory for a long MP4 by not working out its edit list: only right where
    `Source.light_is_right`. Raises AudioRefused for everything that is wrong with the file, OSError if it
    cannot be read.
    """
    import av
    from av.error import FFmpegError

    descriptor = os.open(path, os.O_RDONLY)
    try:
        if os.fstat(descriptor).st_size == 0:
            raise AudioRefused("empty")
        head = os.pread(descriptor, 64, 0)
        try:
            container = av.open(
                "fd:",
                options={
                    "fd": str(descriptor),
                    "protocol_whitelist": "fd",
                    "format_whitelist": FORMATS,
                    "max_streams": str(2 * MOST_STREAMS),
                    **((_WHOLE_WAV if in_one_go else _WAV) if head[:4] in (b"RIFF", b"RF64") else {}),
                    **({"advanced_editlist": "0"} if light and head[4:8] == b"ftyp" else {}),
                },
                metadata_errors="replace",
            )
        except FFmpegError as error:
            raise AudioRefused(_why_not_opened(descriptor, head, error)) from error
        with container:
            yield _checked(container, descriptor)
    finally:
        os.close(descriptor)


def _checked(container: InputContainer, descriptor: int) -> Source:
    from av.audio.stream import AudioStream

    if len(container.streams) > MOST_STREAMS:
        raise AudioRefused("too_many_streams")
    stream = container.streams.best("audio")
    if not isinstance(stream, AudioStream):
        if container.streams.audio:
            raise AudioRefused("damaged")  # a stream that says neither its rate nor its channels
        raise AudioRefused("truncated" if _lacks_index(container, descriptor) else "no_audio")
    context = stream.codec_context
    if context is None:  # FFmpeg knows the container but has no decoder for what is in it
        raise AudioRefused("unknown_format")
    if not context.channels or not context.sample_rate:
        raise AudioRefused("damaged")
    if not LOWEST_RATE_HZ <= context.sample_rate <= HIGHEST_RATE_HZ:
        raise AudioRefused("sample_rate")
    if context.channels > MOST_CHANNELS:
        raise AudioRefused("too_many_channels")
    source = Source(
        container=container,
        stream=stream,
        format=container.format.name.split(",")[0],
        codec=context.codec.canonical_name,
        rate=context.sample_rate,
        channels=context.channels,
        size=os.fstat(descriptor).st_size,
    )
    if (source.declared_ms or 0) > LONGEST_RECORDING_MS:
        raise AudioRefused("too_long")
    return source


def _why_not_opened(descriptor: int, head: bytes, error: Exception) -> Reason:
    """Name what FFmpeg only calls invalid data, from the file's own structure."""
    size = os.fstat(descriptor).st_size
    if isinstance(error, MemoryError):  # which is also the demuxers' answer to more than max_streams
        ends = os.pread(descriptor, 1 << 20, 0) + os.pread(descriptor, 1 << 20, max(0, size - (1 << 20)))
        # an MP4 names each track, an Ogg file begins each stream with a page that says so
        many = max(ends.count(b"trak"), ends.count(b"OggS\0\2")) > MOST_STREAMS
        return "too_many_streams" if many else "too_demanding"
    if head[4:8] in (b"ftyp", b"mdat", b"moov", b"free", b"wide"):
        return "damaged" if b"moov" in _top_level_atoms(descriptor) else "truncated"
    if head[:4] in (b"RIFF", b"RF64") and head[8:12] == b"WAVE":
        return "damaged" if b"data" in os.pread(descriptor, 65_536, 12) else "no_samples"
    if head.startswith(_SIGNATURES):
        return "damaged"
    return "unknown_format"


def _lacks_index(container: InputContainer, descriptor: int) -> bool:
    return container.format.name.startswith("mov") and b"moov" not in _top_level_atoms(descriptor)


def _top_level_atoms(descriptor: int) -> set[bytes]:
    """The kinds of an MP4 file's complete outermost boxes."""
    size = os.fstat(descriptor).st_size
    found: set[bytes] = set()
    at = 0
    while at + 8 <= size and len(found) < 64:
        header = os.pread(descriptor, 16, at)
        length = int.from_bytes(header[:4], "big")
        if length == 1:
            length = int.from_bytes(header[8:16], "big")
        elif length == 0:
            length = size - at
        if length < 8 or at + length > size:
            break
        found.add(header[4:8])
        at += length
    return found
