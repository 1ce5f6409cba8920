"""The rule book: what the customer is to feel (wants), what to do on the call (rules), and how we are
(values).

Words: a *rulebook* serves a programme; its *wants* stand above its *rules*; a rule has a *severity* (fatal or
non_fatal), a *kind* (scripted or judgement) and *versions*. Invariant: a published version is read-only; a
change is a new version, and whatever was done keeps the version that it was done with.
"""
