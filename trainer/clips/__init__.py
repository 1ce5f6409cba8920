"""Clips: short excerpts of calls, each pinned to the rules that it lets one hear.

Words: a clip has a *polarity* (exemplar, counterexample, near_miss), a *cue* (the moment it happens, in it),
a *note* (what to listen for) and *redactions* (spans of the recording that are overwritten). States: draft →
in_review → published → retired; its render: none → queued → rendering → ready | failed. Invariant: audio
outside a clip's range, and audio that was redacted, is reached through a clip by nobody.
"""
