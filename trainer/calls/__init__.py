"""Calls: recordings of real conversations, their transcripts, who may hear them and when they end.

Words: a *recording* is one call's audio and what is known about it; a *segment* is one turn of its
transcript; a *play* is one hearing of a raw call. States: processing → ready | refused; ready → expired →
erased; any → erased.
Invariant: a raw call is heard by few, every play is logged, and what was erased leaves a dated proof without
content.
"""
