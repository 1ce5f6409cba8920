"""A machine writes down what is said in a call: somebody asks, a job listens, somebody reads over what came.

Invariant: what a person wrote or sent is never replaced by a machine's words unless that person asked for it, on the
words that they saw; and the words of a machine say so until somebody has read them over.
"""
