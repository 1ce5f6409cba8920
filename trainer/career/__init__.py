"""Career: where a person can go from here, what is missing, and what was reached.

Words: a *path* has *levels* (each with a horizon: near, mid, long), a level has *milestones*, a milestone has
*criteria*, each a count of facts. Invariant: a milestone is reached by facts alone, once, and stays reached;
progress is one function of the facts, used by every page.
"""
