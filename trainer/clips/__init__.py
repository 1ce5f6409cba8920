"""Clips: short excerpts of calls, each pinned to the rules that it lets one hear.

Words: a clip has a *polarity* (exemplar, counterexample, near_miss), a *cue* (the moment it happens, in it),
a *note* (what to listen for) and *redactions* (spans of the recording that are overwritten).
States: draft → in_review → published → retired; a version that was replaced is superseded, one whose call is
gone is erased. Its render: none → queued → rendering → ready | failed.
Invariant: audio outside a clip's range, and audio that was redacted, is reached through a clip by nobody.
"""
