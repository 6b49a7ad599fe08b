"""The crop diary: what a plot was given and what its sensors saw, for a file that people keep."""
