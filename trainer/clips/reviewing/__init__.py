"""The second pair of eyes: a clip that was handed in is approved, commented on, or given back with what to change.

How many people besides whoever handed it in have to approve is a setting (none, one or two).
Invariant: an approval is of what was heard and read; once a clip is changed, it counts no more.
"""
