"""Decides. No input or output, no thread, no clock, no global."""
