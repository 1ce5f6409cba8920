"""An import of calls begins: what was sent, or a folder of the server, with what holds for all calls.

Invariant: a folder of the server is one of those in `import` of the data folder, named and never a path.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from litestar import Request

from trainer.calls.forms import usual_day
from trainer.calls.importing.jobs import KIND, about, read_calls
from trainer.calls.views import CONSENT_BASES
from trainer.problems import FieldError, Invalid
from trainer.settings import Settings
from trainer.sheets import pending as imports
from trainer.sheets.reading import MOST_BYTES
from trainer.sheets.steps import is_dry
from trainer.web.i18n import _
from trainer.web.session import viewer_of
from trainer.web.uploads import stream_upload

AnyRequest = Request[Any, Any, Any]
DEFAULTS = ("consent_basis", "retain_until", "language", "rulebook")
FOLDER = "import"


async def receive_archive(request: AnyRequest) -> UUID:
    """The page's upload: a zip in the field `archive`; its preview waits for a yes. Raises as `stream_upload`."""
    settings: Settings = request.app.state.settings
    most = settings.upload_limit_mb << 20
    async with stream_upload(
        request,
        max_bytes=most,
        incoming=settings.incoming,
        text_fields=DEFAULTS,
        file_field="archive",
        other_files={},
    ) as upload:
        told = about(folder=None, most_bytes=most, defaults=defaults_of(upload.fields))
        viewer, name = viewer_of(request), upload.filename
        return await imports.receive(viewer, KIND, upload.path, name, read_calls, summary=told, move=True)


async def receive_folder(request: AnyRequest, folder: str, given: Mapping[str, str]) -> UUID:
    """A folder or archive that lies on the server already. Raises Invalid."""
    settings: Settings = request.app.state.settings
    told = about(
        folder=settings.data.absolute() / FOLDER / _known_folder(settings, folder),
        most_bytes=settings.upload_limit_mb << 20,
        defaults=defaults_of(given),
    )
    return await imports.receive(viewer_of(request), KIND, None, folder, read_calls, summary=told)


async def receive_from_program(request: AnyRequest) -> UUID:
    """A zip (`archive`), or a `sheet` whose rows name files in a `folder` of the server.

    It is taken in at once unless it is a `dry_run`. Where nothing says until when, calls are kept for the usual time.
    """
    settings: Settings = request.app.state.settings
    most = settings.upload_limit_mb << 20
    async with stream_upload(
        request,
        max_bytes=most,
        incoming=settings.incoming,
        text_fields=(*DEFAULTS, "folder", "dry_run"),
        file_field="archive",
        other_files={"sheet": MOST_BYTES},
        instead="sheet",
    ) as upload:
        given, folder, sheet = upload.fields, upload.fields.get("folder", ""), upload.files.get("sheet")
        if len(upload.files) == 2:
            raise Invalid.field("sheet", "too-many", _("Put the sheet into the archive, or name a folder."))
        if bool(sheet) != bool(folder):
            raise Invalid.field(
                "folder", "required", _("A sheet goes with a folder of the server that it names.")
            )
        if not given.get("retain_until", "").strip():
            given["retain_until"] = usual_day(settings).isoformat()
        told = about(
            folder=settings.data.absolute() / FOLDER / _known_folder(settings, folder) if folder else None,
            most_bytes=most,
            defaults=defaults_of(given),
            sheet=(upload.filename or "sheet") if sheet else "",
            at_once=not is_dry(given),
        )
        return await imports.receive(
            viewer_of(request),
            KIND,
            upload.path,
            folder or upload.filename,
            read_calls,
            summary=told,
            move=True,
        )


def folders_of(settings: Settings) -> list[str]:
    """What lies in `import` of the data folder: folders and zip archives, by name. Links are not followed."""
    root = settings.data / FOLDER
    if not root.is_dir():
        return []
    there = [path for path in root.iterdir() if not path.is_symlink() and not path.name.startswith(".")]
    return sorted(path.name for path in there if path.is_dir() or path.suffix.lower() == ".zip")


def _known_folder(settings: Settings, name: str) -> str:
    if name not in folders_of(settings):
        raise Invalid.field("folder", "unknown", _("There is no such folder on the server."))
    return name


def defaults_of(given: Mapping[str, str]) -> dict[str, str]:
    """What holds for every call whose row says nothing. Raises Invalid."""
    said = {name: given.get(name, "").strip() for name in DEFAULTS}
    wrong: list[FieldError] = []
    if said["consent_basis"] not in ("", *CONSENT_BASES):
        wrong.append(FieldError("consent_basis", "unknown", _("Choose one of these.")))
    try:
        date.fromisoformat(said["retain_until"])
    except ValueError:
        wrong.append(FieldError("retain_until", "required", _("Say until when these calls are kept.")))
    if wrong:
        raise Invalid(_("These calls cannot be taken as it is."), errors=wrong)
    return said
