"""Spreadsheets in and out: CSV of any common encoding, and XLSX; and uploads that wait for somebody's yes.

Words: a *sheet* is a table of text with named columns; a column is *ours* (`employee_no`) or *theirs* (what
stands in the first row). A *pending import* is an uploaded sheet whose preview somebody looks at.
Invariant: a cell is text. A sheet that comes in is never executed or trusted, one that goes out holds no formula.

    sheet = await open_sheet(path)                 reads it in a child process that may be killed (reading.py)
    matched = match_columns(sheet, KNOWN)          which column is which (columns.py)
    await sheet_response("people", columns, rows, "xlsx")     a download (writing.py)
"""
