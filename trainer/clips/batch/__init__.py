"""Several clips out of one pass through a call: *regions* are marked, then saved together as a *batch* of drafts.

Invariant: a batch is saved whole or not at all, and once, however often its form is sent.
"""
