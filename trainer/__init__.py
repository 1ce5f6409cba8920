"""Encore: clips out of real calls become training, training becomes a career, and people feel seen."""

__version__ = "0.1.0"
