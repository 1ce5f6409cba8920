"""Search: what was said in calls and clips, and written in rules, playlists, pairs and notes, found by its words.

Words: an *entry* is one line, title, clip, rule or note in the index; what somebody looks for is *sought*: *parts*,
each a word or a phrase, all of which a thing has to hold, and those that it must be *without*.
Invariant: the index only proposes. What is shown is read anew from where it is kept, by somebody who may read it
there, and only where its words are still the sought ones; so nothing erased, redacted or taken down is ever found.
"""
