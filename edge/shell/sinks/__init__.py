"""Who is sent the rows of the history: one file each, found by its name; see edge/shell/keeping.py."""
