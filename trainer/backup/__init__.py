"""A whole centre in one file, and back: database, objects and the secret key, while people go on working.

A *backup* is one uncompressed tar: `head.json` (what made it), the tables as they were at one moment, the objects
that storage held after that moment, the key, the list of erasures, then `manifest.jsonl` (size and SHA-256 of each
part before it) and `seal.json`. Rows are written in words of our own, so that a backup of SQLite can be restored
into PostgreSQL and the other way round.
Invariant: a file without its seal, or with any part changed, is refused before anything is touched; and what
was erased after the backup was made is erased again when it is restored.
"""
