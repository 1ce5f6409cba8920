"""Many calls at once: an archive (zip) or a folder of the server, with one sheet that says what is known of each.

Words: a *source* is the archive or folder, an *entry* one file in it; a *row* is one call of it, with what would
become of it: `new`, `known` (its content is here already) or `refused`; once taken in, `taken`. The way is that of
every import here: upload → preview of every row → somebody's yes → a job → the result with what was refused.
Invariant: what is taken is what the preview showed, each row in a transaction of its own and at most once, whoever
is killed; and no file, however bad, keeps the others out.

    archive.py     what is in a source      unpacking.py    one entry out of it, where it can do no harm
    first_look.py  what each call's files hold
    columns.py     the sheet's columns
    planning.py    each row judged; nothing of it is stored
    taking.py      the rows that somebody said yes to
    reports.py     what became of each, for pages and as CSV
    jobs.py        the two jobs: read, apply       receiving.py    how an import begins
    pages.py, api.py, command.py     the three ways in
"""
