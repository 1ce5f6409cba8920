"""Progress: who was given what, who has not begun, who is under way and where, who is stuck, who is done.

Words: a *row* is the newest enrolment of one person in one module; its *state* is not_begun, under_way, stuck,
done or waived; *overdue* goes across: open, and its due day is over where the person is. Invariant: nothing here
keeps counts of its own, so that page, export, API and homes say the same.
"""
