"""The controller: a pure core that decides, a shell around it that observes and obeys."""
