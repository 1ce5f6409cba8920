"""What `trainer import` and `trainer export` do with each kind of document, and in which order.

Everything goes through the domains' own services: an import can do nothing that the pages and the API could not.
"""

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from trainer.calls.folder import LIBRARY, import_recordings
from trainer.calls.forms import usual_day
from trainer.calls.importing.command import import_calls
from trainer.calls.importing.exporting import export_calls
from trainer.career.documents import export_path, import_path, path_codes
from trainer.clips.library import import_library
from trainer.people.importing import import_people
from trainer.people.roster import export_people
from trainer.problems import Invalid
from trainer.quality.export import export_evaluations
from trainer.quality.importing import import_evaluations
from trainer.rulebook.service import export_rulebook, import_rulebook, rulebook_codes
from trainer.settings import Settings
from trainer.training.curricula import curriculum_codes, export_curriculum, import_curriculum
from trainer.training.documents import export_module, import_module, module_codes
from trainer.web.i18n import _
from trainer.web.static import find_tree
from trainer.web.texts import readable_in

YAML = (".yaml", ".yml")


async def take_in(kind: str, path: Path, zone: ZoneInfo) -> tuple[list[str], int]:
    """Imports a document or folder; times without a zone are in `zone`. Returns lines and how many were refused."""
    if kind == "people":
        people = await import_people(None, path)
        return people.lines(), len(people.refused)
    if kind == "rulebook":
        return [line for file in _documents(path) for line in (await import_rulebook(file)).lines()], 0
    if kind == "curriculum":
        return await _take_curriculum(path), 0
    if kind == "evaluations":
        evaluations = await import_evaluations(path, zone)
        return evaluations.lines(), len(evaluations.refused)
    if (path / LIBRARY).is_file():
        library = await import_library(
            path, zone=zone, role_played=await asyncio.to_thread(_is_starter, path)
        )
        return library.lines(), len(library.refused) + len(library.calls.refused)
    calls = await import_recordings(None, path, zone=zone)
    return calls.lines(), len(calls.refused)


async def take_in_calls(
    settings: Settings, path: Path, basis: str, dry_run: bool, progress: Callable[[str, int, int], object]
) -> tuple[list[str], int, bytes]:
    """Imports a zip of calls, or a folder with a sheet of them; returns lines, how many were refused, and the CSV."""
    defaults = {"consent_basis": basis, "retain_until": usual_day(settings).isoformat()}
    most = settings.upload_limit_mb << 20
    report = await import_calls(path, most_bytes=most, defaults=defaults, dry_run=dry_run, progress=progress)
    return report.lines, report.refused, report.csv


def _is_starter(folder: Path) -> bool:
    """Whether it is the library that comes with Encore: in a real centre nobody made these calls."""
    return (folder / LIBRARY).read_bytes() == (find_tree("clips") / LIBRARY).read_bytes()


async def _take_curriculum(path: Path) -> list[str]:
    """Modules, then the lists and career paths that name them."""
    documents = [(file, await asyncio.to_thread(_read, file)) for file in _documents(path)]
    lines: list[str] = []
    for file, document in sorted(documents, key=lambda item: "module" not in item[1]):
        if "module" in document:
            new = await import_module(None, document)
            lines.append(f"{file.name}: " + (_("published as a new version") if new else _("nothing new")))
        elif "curriculum" in document:
            new = await import_curriculum(None, document)
            lines.append(f"{file.name}: " + (_("list of modules taken in") if new else _("nothing new")))
        elif "path" in document:
            lines.append(f"{file.name}: " + _("career path %(code)s") % {"code": await import_path(document)})
        else:
            lines.append(f"{file.name}: " + _("not a module, list or career path, left out"))
    return lines


def _documents(path: Path) -> Iterable[Path]:
    """The YAML files of a folder (and its folders), or the one file named."""
    if path.is_file():
        return [path]
    found = sorted(file for file in path.rglob("*") if file.suffix in YAML)
    if not found:
        raise Invalid(_("There is no YAML document in %(path)s.") % {"path": path})
    return found


def _read(path: Path) -> dict[str, Any]:
    try:
        document = readable_in(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise Invalid(
            _("%(file)s is not readable as YAML: %(why)s") % {"file": path.name, "why": error}
        ) from error
    if not isinstance(document, dict):
        raise Invalid(_("%(file)s holds no document.") % {"file": path.name})
    return document


async def hand_out(kind: str, path: Path) -> list[str]:
    """Exports to PATH: a sheet of people, evaluations or calls, a folder of YAML documents for the others."""
    if kind == "people":
        await asyncio.to_thread(path.write_bytes, await export_people(None, path.suffix.lower().lstrip(".")))
        return [_("People written to %(path)s") % {"path": path}]
    if kind == "evaluations":
        content, count, left_out = await export_evaluations()
        await asyncio.to_thread(path.write_bytes, content)
        told = _("%(n)s evaluations written to %(path)s; %(left)s of former colleagues left out")
        return [told % {"n": count, "path": path, "left": left_out}]
    if kind == "recordings":
        sheet, count = await export_calls(path.suffix.lower().lstrip("."))
        await asyncio.to_thread(path.write_bytes, sheet)
        return [_("What is known of %(n)s calls written to %(path)s") % {"n": count, "path": path}]
    documents: dict[str, str] = {}
    if kind == "rulebook":
        for code in await rulebook_codes():
            documents[f"{code}.yaml"] = await export_rulebook(code)
    else:
        for code in await module_codes():
            documents[f"{code}.yaml"] = _as_yaml(await export_module(code))
        for code in await curriculum_codes():
            documents[f"list-{code}.yaml"] = _as_yaml(await export_curriculum(code))
        for code in await path_codes():
            documents[f"path-{code}.yaml"] = _as_yaml(await export_path(code))
    await asyncio.to_thread(_write, path, documents)
    return [_("%(n)s documents written to %(path)s") % {"n": len(documents), "path": path}]


def _as_yaml(document: dict[str, Any]) -> str:
    return yaml.safe_dump(document, allow_unicode=True, sort_keys=False, width=120)


def _write(folder: Path, documents: dict[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in documents.items():
        (folder / name).write_text(text, encoding="utf-8")
