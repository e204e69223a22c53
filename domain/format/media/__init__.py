"""What Dits understands of media: ISOBMFF containers, their tracks and sample tables, and what follows from
them (`docs/media.md`).

Everything here is pure and bounded, reads a `Source` and nothing else, and is shipped to clients with the
formats. No decoder is touched: what needs one is done elsewhere, in a process of its own.
"""
