"""Pages that take rules from a spreadsheet and give them out as one.

Invariant: nothing is written before somebody has seen what would be.
"""

from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.connection import Request
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect

from trainer.problems import Conflict, Invalid, NotFound, TooLarge
from trainer.rulebook import imports, service, sheet
from trainer.rulebook.drafting import PUBLISH, WRITE
from trainer.rulebook.export import TEMPLATE_COLUMNS, export_columns, export_rows, template_rows
from trainer.rulebook.imports import Preview
from trainer.sheets.columns import chosen_places, heading_of
from trainer.sheets.pending import pending_of
from trainer.sheets.writing import sheet_response
from trainer.web.forms import read_form
from trainer.web.guards import requires, signed_in
from trainer.web.i18n import _, text_in
from trainer.web.session import viewer_of
from trainer.web.templating import is_htmx, render, render_block
from trainer.web.uploads import stream_upload

Page = Request[Any, Any, Any]
GUARDS = [requires(*WRITE)]
SHOWN = 300


@get("/rules/import", guards=GUARDS, include_in_schema=False)
async def new_import(request: Page, book: FromQuery[str] = "") -> Response[str]:
    """Choose a spreadsheet."""
    return await upload_page(request, book)


@post("/rules/import", guards=GUARDS, include_in_schema=False)
async def upload_sheet(request: Page, book: FromQuery[str] = "") -> Response[str] | Redirect:
    """Take the file, read it, and on to what it would change."""
    viewer, incoming = viewer_of(request), request.app.state.settings.incoming
    try:
        async with stream_upload(
            request,
            max_bytes=imports.MOST_BYTES,
            incoming=incoming,
            text_fields=["book"],
            file_field="sheet",
            other_files={},
        ) as upload:
            book = upload.fields.get("book") or book
            kept = await imports.keep_sheet(viewer, book, upload.path, upload.filename)
    except (Invalid, TooLarge) as problem:
        reasons = [error.message for error in getattr(problem, "errors", [])] or [problem.detail]
        return await upload_page(request, book, error=" ".join(reasons))
    if is_htmx(request):
        return Response("", headers={"HX-Redirect": f"/rules/import/{kept}"}, status_code=200)
    return Redirect(f"/rules/import/{kept}", status_code=303)


@get("/rules/import/{import_id:uuid}", guards=GUARDS, include_in_schema=False)
async def show_import(request: Page, import_id: FromPath[UUID], show: FromQuery[str] = "") -> Response[str]:
    """What taking the sheet would do, or what it did."""
    return import_page(request, await imports.load_import(viewer_of(request), import_id), show=show)


@post("/rules/import/{import_id:uuid}/columns", guards=GUARDS, include_in_schema=False)
async def choose_columns(request: Page, import_id: FromPath[UUID]) -> Redirect:
    """Which column is what."""
    form = await read_form(request)
    chosen = chosen_places(form.raw, sheet.known())
    await imports.choose_columns(viewer_of(request), import_id, chosen)
    return Redirect(f"/rules/import/{import_id}", status_code=303)


@post("/rules/import/{import_id:uuid}/apply", guards=GUARDS, include_in_schema=False)
async def apply_import(request: Page, import_id: FromPath[UUID]) -> Response[str] | Redirect:
    """Write what was shown, as drafts."""
    viewer, form = viewer_of(request), await read_form(request)
    try:
        await imports.apply_import(viewer, import_id, form.raw("token"))
    except Conflict as problem:
        preview = await imports.load_import(viewer, import_id)
        return import_page(request, preview, refusal=problem.detail)
    return Redirect(f"/rules/import/{import_id}", status_code=303)


@post("/rules/import/{import_id:uuid}/discard", guards=GUARDS, include_in_schema=False)
async def discard_import(request: Page, import_id: FromPath[UUID]) -> Redirect:
    """Let the sheet go."""
    book = await imports.discard_import(viewer_of(request), import_id)
    return Redirect(f"/rules?book={book}", status_code=303)


@get("/rules/import/template", guards=GUARDS, include_in_schema=False)
async def load_template(request: Page) -> Response[bytes]:
    """A sheet with the headings and two examples."""
    return await sheet_response("rules-template", TEMPLATE_COLUMNS, template_rows(), "csv")


@get("/rules/export", guards=[signed_in], include_in_schema=False)
async def export_rules(request: Page, book: FromQuery[str] = "") -> Response[bytes]:
    """The published rules of a book as a sheet that can be imported again; `?as=csv` or `xlsx`."""
    code = book or next(iter(await service.rulebook_codes()), "")
    rules = [rule for rule in (await service.published_rules()).values() if rule.rulebook_code == code]
    if code not in await service.rulebook_codes():
        raise NotFound(_("There is no rule book %(code)s.") % {"code": code})
    language = rules[0].language if rules else "en"
    columns = export_columns(rules, language)
    rows = export_rows(rules, columns, language)
    return await sheet_response(f"rules-{code}", columns, rows, request.query_params.get("as", "csv"))


async def upload_page(request: Page, book: str, *, error: str = "") -> Response[str]:
    """The form that takes a file; for htmx the form alone."""
    whole = await service.rulebook_overview(viewer_of(request))
    if not whole.books:
        raise NotFound(_("There is no rule book yet. A QA analyst or an admin makes one first."))
    chosen = next((each for each in whole.books if each.code == book), whole.books[0])
    values: dict[str, Any] = {
        "book": chosen,
        "books": [(each.code, text_in(each.title)) for each in whole.books],
        "error": error,
        "recent": await pending_of(viewer_of(request), imports.KIND),
        "most_mb": imports.MOST_BYTES >> 20,
        "most_rows": sheet.MOST_ROWS,
    }
    if is_htmx(request):
        return render_block(request, "rulebook/import.html", "form", status=422 if error else 200, **values)
    return render(request, "rulebook/import.html", status=422 if error else 200, **values)


def import_page(request: Page, preview: Preview, *, show: str = "", refusal: str = "") -> Response[str]:
    """The columns, then the rows: new, changed, unchanged, refused."""
    names = sheet.column_names()
    headings = [(str(place), heading_of(preview.sheet, place)) for place in range(len(preview.sheet.columns))]
    shown = (
        [line for line in preview.lines if line.state == show] if show in preview.counts else preview.lines
    )
    return render(
        request,
        "rulebook/import_preview.html",
        status=409 if refusal else 200,
        preview=preview,
        book=preview.book,
        refusal=refusal,
        names=names,
        main=[name for name in names if " " not in name],
        further=[name for name in names if " " in name],
        headings=headings,
        examples=_examples(preview),
        show=show,
        lines=shown[:SHOWN],
        more=max(len(shown) - SHOWN, 0),
        may_publish=viewer_of(request).has(*PUBLISH),
    )


def _examples(preview: Preview) -> dict[str, str]:
    """The first cell that holds something, of each chosen column."""
    return {
        name: next((row[place] for row in preview.sheet.rows if row[place]), "")[:80]
        for name, place in preview.matched.columns.items()
    }


pages: list[Any] = [
    new_import,
    upload_sheet,
    show_import,
    choose_columns,
    apply_import,
    discard_import,
    load_template,
    export_rules,
]
