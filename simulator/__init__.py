"""The village that is not there: what a desk has instead of streets, fields and meters."""
