"""The phone page's server: a process of its own that has no rights but the broker's port."""
