"""What is known of the calls as a sheet with the columns of the import: for `trainer export recordings`.

Invariant: no erased call is in it, and nothing of what was said.
"""

from trainer.calls.importing import columns, queries
from trainer.sheets.writing import Cell, write_csv, write_xlsx

MORE = ("id", "state", "duration_ms")


async def export_calls(as_: str) -> tuple[bytes, int]:
    """The calls that are ready, oldest first, as CSV or ("xlsx") a workbook; and how many there are.

    `file` is the id with the ending of its format, as the audio itself is not in the sheet.
    """
    headings = (*(name for name in columns.COLUMNS if name not in ("caller_is_minor", "transcript")), *MORE)
    rows: list[list[Cell]] = []
    for row in await queries.exported():
        container = row["container"].partition(",")[0]
        known: dict[str, Cell] = {
            **{name: row[name] for name in headings if name in row},
            "file": f"{row['id']}.{'mp4' if container == 'mov' else container or 'audio'}",
            "agent": row["email"] or row["employee_no"],
            "called_at": row["called_at"].isoformat() if row["called_at"] else None,
            "retain_until": row["retain_until"].isoformat() if row["retain_until"] else None,
            "staged": "yes" if row["staged"] else "no",
            "id": str(row["id"]),
        }
        rows.append([known[name] for name in headings])
    content = write_xlsx("Calls", headings, rows) if as_ == "xlsx" else write_csv(headings, rows)
    return content, len(rows)
