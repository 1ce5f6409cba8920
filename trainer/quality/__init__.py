"""Evaluations: what an analyst heard in a call, rule by rule, and what the agent says to it.

A mark is met, missed or not applicable; a rule without a mark is none of these. Invariant: a released evaluation is a
dated fact that nobody rewrites; a correction is a new evaluation that names the one it replaces.
"""
