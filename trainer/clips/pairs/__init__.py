"""Contrast pairs: one rule heard twice, once as it should be and once missed or nearly met.

In a pair of the kind *same words* both say the same and only the delivery differs (003-10). Invariant: a pair is
shown as that only while the words of its clips are alike enough today.
"""
