"""The handlers, one module a thing; each ends in its rows of the operation table."""
