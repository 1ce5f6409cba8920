"""Spreadsheets in and out: CSV of any common encoding, and XLSX; and uploads that wait for somebody's yes.

Invariant: a cell is text. A sheet that comes in is never executed or trusted, one that goes out holds no formula.
"""
