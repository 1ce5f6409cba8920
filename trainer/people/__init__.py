"""People: who works here, in which team, with which roles, and how they sign in.

Words: a *person* holds one or more *roles*, belongs to at most one *team* and may have a *buddy*. A *link* is
a one-time address (invitation, password reset). A *session* is one signed-in browser, a *token* one program.
Invariant: secrets (passwords, links, sessions, tokens) are stored only as hashes, and every change of
who may do what leaves an audit entry in the same transaction.
"""
