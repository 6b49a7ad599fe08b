"""Who may enter the broker, with which role, and the files that hold it to that."""
