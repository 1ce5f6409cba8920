"""Appreciation: thanks between people, each naming the behaviour that earned it.

Words: an *appreciation* goes from one person to one or more others, names a *behaviour* (a rule or a value)
and has a *visibility* (team, everyone, private). Invariant: there is no count, rank or score of thanks; a
private one is read by its author and its receivers alone.
"""
