"""Where each person's day begins: what is next for them, in the order in which it helps.

A home decides nothing and keeps nothing; it asks the rooms below. Invariant: there is one next step, and it is one
that the person can take today.
"""
