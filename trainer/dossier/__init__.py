"""Everything that the centre holds about one person, as one document that they may take with them.

Invariant: every table that names a person is either in the document or said not to be, with the reason; a test
compares the two with the schema.
"""
