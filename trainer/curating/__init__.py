"""What a curator does next: the coverage board, calls worth hearing, what dies soon.

*Coverage*: what can be heard of each rule, kind by kind. *Gap*: what cannot. *Worth hearing*: a call nobody who
curates has heard yet, proposed for a reason that a machine can see. Invariant: everything here is worked out when
asked, from clips, calls and marks; what is kept is that somebody put a proposal away, and how
many known phrases a call holds.
"""
