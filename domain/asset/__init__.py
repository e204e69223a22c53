"""An asset: one content of a repository, as Dits understands it (seeds 4.1-4.5)."""
