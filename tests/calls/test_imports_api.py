"""Programs that bring many calls: an archive, or a sheet that names files of the server; previewed or at once."""

from pathlib import Path
from typing import Any

import httpx

from tests.calls.conftest import Cast
from tests.calls.test_bulk_import import a_zip
from trainer import jobs
from trainer.calls import service
from trainer.calls.tables import Recording
from trainer.settings import Settings
from trainer.sheets.tables import SheetImport

API = "/api/v1/recordings/imports"
ROWS = "file,title,consent_basis,retain_until\none.wav,Lost at the exit,contract,\ngone.wav,,contract,9999-12-31\n"


async def test_a_program_previews_says_yes_and_follows(
    client: httpx.AsyncClient,
    use_token: Any,
    new_client: Any,
    cast: Cast,
    wav: bytes,
    tmp_path: Path,
) -> None:
    archive = a_zip(tmp_path / "calls.zip", {"calls.csv": ROWS, "one.wav": wav}).read_bytes()
    files = {"archive": ("october.zip", archive)}
    await use_token(client, cast.trainer, "recordings:write")
    key = {"Idempotency-Key": "october"}
    sent = await client.post(API, files=files, data={"dry_run": "true"}, headers=key)
    assert sent.status_code == 202, sent.text
    address = sent.json()["status_url"]
    assert (sent.headers["location"], sent.json()["status"]) == (address, "reading")
    again = await client.post(API, files=files, data={"dry_run": "true"}, headers=key)
    assert (again.json(), again.headers["idempotent-replayed"]) == (sent.json(), "true")
    assert await SheetImport.count() == 1
    assert (await client.get(address)).json()["rows"] == {}
    assert (await client.post(f"{address}/apply")).status_code == 409  # nobody has seen what it is
    await jobs.drain()
    status = (await client.get(address)).json()
    assert (status["status"], status["file"]) == ("ready", "october.zip")
    assert (status["rows"]["new"], status["rows"]["refused"]) == (1, 1)
    assert await Recording.count() == 0

    assert (await client.post(f"{address}/apply")).status_code == 202
    await jobs.drain()
    status = (await client.get(address)).json()
    assert (status["status"], status["rows"]["ready"], status["rows"]["refused"]) == ("applied", 1, 1)
    page = (await client.get(status["report_url"], params={"limit": 1})).json()
    [call] = await service.visible_recordings(cast.viewer("trainer"))
    assert page["items"] == [
        {"row": 2, "file": "one.wav", "status": "taken", "recording": str(call.id), "errors": []}
    ]
    rest = (await client.get(status["report_url"], params={"cursor": page["next_cursor"]})).json()
    [bad] = rest["items"]
    assert bad["errors"] == [
        {"field": "file", "message": "There is no such file here."},
        {"field": "retain_until", "message": "Please check the year of this day."},
    ]
    assert rest["next_cursor"] is None
    assert [each["id"] for each in (await client.get(API)).json()["items"]] == [status["id"]]
    assert (await client.delete(address)).status_code == 409

    for who, scopes in (("agent", ["all"]), ("manager", ["all"]), ("trainer", ["recordings:read"])):
        async with new_client() as program:
            await use_token(program, getattr(cast, who), *scopes)
            assert (await program.post(API, files=files)).status_code == 403
            assert (await program.get(address)).status_code == 403
    async with new_client() as program:
        await use_token(program, cast.qa_analyst, "recordings:write")
        for refused in (
            program.get(address),
            program.get(f"{address}/report"),
            program.post(f"{address}/apply"),
        ):
            assert (await refused).status_code == 404


async def test_a_sheet_names_files_of_the_server_and_is_taken_at_once(
    client: httpx.AsyncClient, use_token: Any, cast: Cast, wav: bytes, settings: Settings
) -> None:
    folder = settings.data / "import" / "october"
    folder.mkdir(parents=True)
    (folder / "one.wav").write_bytes(wav)
    (folder / "old.csv").write_text("file\nnothing.wav\n")  # the sheet that was sent counts
    await use_token(client, cast.trainer, "recordings:write")
    files = {"sheet": ("calls.csv", ROWS)}
    sent = await client.post(API, files=files, data={"folder": "october", "dry_run": "false"})
    assert sent.status_code == 202, sent.text
    await jobs.drain()
    status = (await client.get(sent.json()["status_url"])).json()
    assert (status["status"], status["rows"]["ready"], status["rows"]["refused"]) == ("applied", 1, 1)
    [call] = await service.visible_recordings(cast.viewer("trainer"))
    assert (call.title, call.consent_basis) == ("Lost at the exit", "contract")
    assert call.retain_until is not None  # the centre's usual time
    assert (folder / "one.wav").exists()

    # erased, then sent once more: refused in the report, whoever asks
    await service.erase_recording(cast.viewer("admin"), call.id, "Asked")
    sent = await client.post(API, files=files, data={"folder": "october"})
    await jobs.drain()
    report = (await client.get(sent.json()["report_url"])).json()
    assert "at request; it is not taken in again" in report["items"][0]["errors"][0]["message"]
    assert await Recording.count().where(Recording.state != "erased") == 0


async def test_what_cannot_begin_is_refused_at_once(
    client: httpx.AsyncClient, use_token: Any, cast: Cast, settings: Settings, wav: bytes
) -> None:
    (settings.data / "import" / "october").mkdir(parents=True)
    (settings.data / "import" / "link").symlink_to(settings.data)
    await use_token(client, cast.admin, "recordings:write")
    sheet = {"sheet": ("calls.csv", ROWS)}
    both = {"archive": ("a.zip", b"PK"), **sheet}
    refusals: tuple[tuple[dict[str, Any], dict[str, str], str], ...] = (
        (sheet, {}, "folder"),
        (sheet, {"folder": "../import/october"}, "folder"),
        (sheet, {"folder": "link"}, "folder"),
        (both, {"folder": "october"}, "sheet"),
        ({"archive": ("a.zip", b"PK")}, {"folder": "october"}, "folder"),
        ({"other": ("a.zip", b"PK")}, {}, "archive"),
        ({"archive": ("a.zip", b"PK")}, {"dry_run": "maybe"}, "dry_run"),
        ({"archive": ("a.zip", b"PK")}, {"consent_basis": "none"}, "consent_basis"),
        ({"archive": ("a.zip", b"PK")}, {"despite_erasure": "because"}, "despite_erasure"),
    )
    for files, fields, field in refusals:
        refused = await client.post(API, files=files, data=fields)
        assert refused.status_code == 422, (fields, refused.text)
        assert field in [error["field"] for error in refused.json()["errors"]], (fields, refused.text)
    assert await SheetImport.count() == 0
    # no zip at all: accepted, and refused by whoever reads it; a sheet with strange columns waits for a person
    sent = await client.post(API, files={"archive": ("a.zip", wav)})
    waits = await client.post(
        API, files={"sheet": ("s.csv", "name,mood\nx,good\n")}, data={"folder": "october"}
    )
    await jobs.drain()
    status = (await client.get(sent.json()["status_url"])).json()
    assert (status["status"], status["reason"][:15]) == ("refused", "This is no zip ")
    status = (await client.get(waits.json()["status_url"])).json()
    assert status["status"] == "ready"
    assert "needs the column file" in status["blocked"][0]
    assert (await client.delete(waits.json()["status_url"])).status_code == 204
    assert (await client.get(waits.json()["status_url"])).json()["status"] == "discarded"
