"""Schemas of history.db, a step a file."""
