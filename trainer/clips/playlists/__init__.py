"""Playlists: clips in an order that somebody chose, with notes, to be heard one after the other or taken along.

An *item* is a clip with the note that comes before it; a *gap* is an item whose clip this listener does not hear (any
more). Invariant: a playlist opens no sound: what is played or exported is what its listener may hear as a single clip.
"""
