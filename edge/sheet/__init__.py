"""The page that is signed when a cabinet is handed over."""
