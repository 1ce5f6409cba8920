"""Training: modules built from rules and their clips, and what people did in them.

Words: a *module* has *versions*; a version has ordered *steps* (text, read_rule, listen, contrast, judge,
recall, reflect); an *enrolment* is one person taking one version; an *answer* is one graded try at a step.
Invariant: grading happens here, on the server, with the version that the person began; a completion is a
fact, written exactly once, and never taken back.
"""
