"""Hardware. Imports edge.core.values and nothing else of edge."""
