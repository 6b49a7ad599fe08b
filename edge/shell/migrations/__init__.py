"""The journal's schema, step by step: NNN.sql brings `user_version` to NNN."""
