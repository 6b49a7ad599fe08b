"""A month's electricity for people: as a page to print, and as a table for a spreadsheet."""
