"""Evaluations: a call judged by an analyst with the rule book, released to its agent, and answered in words.

A *mark* says of one rule met, missed or not applicable, if possible at a second of the call; a rule without a mark
is none of these. Whether the caller was helped (`resolved`), what the customer got (`outcome`) and how it felt
(`service_level`) are asked apart from the rules.
Invariant: a released evaluation is never changed. A correction is a new one that replaces it, and both stay readable.
"""
