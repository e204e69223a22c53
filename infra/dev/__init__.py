"""The servers Dits needs, embedded: from their wheels, for a laptop and for tests, without Docker or root."""
