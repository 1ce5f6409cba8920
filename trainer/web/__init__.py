"""The shared edge: what every page and API answer has in common, and no domain.

Session, guards, CSRF, headers, templating, forms, errors, media, uploads, live updates, language.
Invariant: nothing here imports a domain; the app hands in what the edge needs (a person loader).
"""
