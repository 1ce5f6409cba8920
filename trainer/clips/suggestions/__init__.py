"""Suggested redactions: what in a call's words looks like personal data, and what people said about each.

Words: a *suggestion* is worked out anew from the words whenever it is asked for; a *decision* about it is kept, with
who and when. It is *open* until somebody covers it by redactions (accepts it) or says that it may stay (rejects it).
Invariant: no clip is published by a person while a suggestion that touches it is open.
"""
