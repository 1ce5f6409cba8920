"""Recognition: the feed where people feel seen, and the dates that are marked.

Words: a *post* tells of a milestone, an appreciation or an occasion; a *cheer* is one person's short answer
to it; an *occasion* is a full month, a work anniversary or a birthday. Invariant: each happening makes at
most one post (`source` is unique), a post holds a message id and parameters rather than a sentence, and the
order of the feed (`seq`) is given after commit by one publisher, so that nobody's stream skips a post.
"""
