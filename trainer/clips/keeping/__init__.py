"""How long clips are kept: what ends when, who is warned, and which clip is renewed on its own ground.

Expiring is not erasing. A call whose keep-until day is over loses its sound, peaks and words; with it go its clips,
but for those that were renewed in time: with a legal basis and a day of their own and, where somebody who works here
is heard, with that agent's yes. Erasing on request takes everything, whatever was renewed.
Invariant: a clip sounds while its own day (or, without one, its call's) is not over, and whoever renews it and
whatever ends it hold the same lock (`calls.keeping.hold`), so that one of them sees the other.
"""
