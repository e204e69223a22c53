"""Versions of the API: their terms, what happened to them, and how far this has come (V5.4, V3.4e).

``terms`` and ``changelog`` are its tables and their folds, ``queries`` put them together and answer.
"""
