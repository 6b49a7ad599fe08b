"""Observes the world, turns it into events, and carries the core's effects out."""
