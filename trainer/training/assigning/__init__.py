"""Assigning: a module or a list of modules is given to people, a team or a role, with a due day or without.

Words: an *assignment* is the giving; each person gets *enrolments* by it; who joins the team or gets the role
later is given it too. Invariant: an enrolment that somebody began, or that is done, is never taken back.
"""
