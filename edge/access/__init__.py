"""Who may enter the broker, and with which rights: what `broker`, `pair` and `unpair` keep in the broker directory."""
