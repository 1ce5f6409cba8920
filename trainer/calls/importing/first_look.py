"""A first look at calls of an archive or folder, many in one child: is there sound, can the words be read."""

from dataclasses import dataclass
from pathlib import Path

from trainer.audio import AudioRefused, Probe
from trainer.audio.child import in_child
from trainer.audio.probe import probe
from trainer.calls.importing.archive import MEMORY_MB, Source
from trainer.calls.importing.unpacking import Changed, damaged, hash_of, take_out, words_of
from trainer.calls.transcripts import read_transcript
from trainer.problems import Invalid
from trainer.web.i18n import _, current_locale, speaking

AT_ONCE = 8  # files that one child looks at; starting a child costs more than a short file
EXAMINE_S = 300.0
EXAMINE_ONE_S = 90.0


@dataclass(frozen=True, slots=True)
class Finding:
    """What one audio file holds, or why it cannot be taken: (column, reason), several at once."""

    sha256: str = ""
    size: int = 0
    probe: Probe | None = None
    faults: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Task:
    """One call to look at: the places of its audio and (or "") of its transcript."""

    place: str
    words_place: str


async def examine(source: Source, tasks: list[Task], scratch: Path) -> list[Finding]:
    """A first look at some calls, in one child. `scratch` is a file to write into, see `scratch_file`.

    Where the child does not survive, each call gets a child of its own, so that one bad file is alone with itself.
    """
    try:
        limit_s = EXAMINE_S if len(tasks) > 1 else EXAMINE_ONE_S
        return await in_child(
            _examine, current_locale(), source, tasks, scratch, timeout_s=limit_s, memory_mb=MEMORY_MB
        )
    except AudioRefused as refused:
        if len(tasks) == 1:
            return [Finding(faults=(("file", _(refused.sentence)),))]
    findings: list[Finding] = []
    for task in tasks:
        findings += await examine(source, [task], scratch)
    return findings


def _examine(locale: str, source: Source, tasks: list[Task], scratch: Path) -> list[Finding]:
    with speaking(locale):
        return [_first_look(source, task, scratch) for task in tasks]


def _first_look(source: Source, task: Task, scratch: Path) -> Finding:
    faults: list[tuple[str, str]] = []
    sha256, size, found = "", 0, None
    try:
        if source.kind == "folder":
            sha256, size = hash_of(source, task.place)
            found = probe(source.path / task.place)
        else:
            sha256 = take_out(source, task.place, scratch)
            size = scratch.stat().st_size
            found = probe(scratch)
    except AudioRefused as refused:
        faults.append(("file", _(refused.sentence)))
    except Changed:
        faults.append(("file", damaged()))
    except OSError as error:
        if error.errno is not None and not isinstance(error, FileNotFoundError):
            raise
        faults.append(("file", damaged()))
    if task.words_place:
        try:
            read_transcript(words_of(source, task.words_place))
        except Invalid as problem:
            faults += [("transcript", error.message) for error in problem.errors]
        except Changed:
            faults.append(("transcript", damaged()))
    return Finding(sha256, size, found, tuple(faults))
