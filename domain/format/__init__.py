"""The bytes that Dits stores, shared by server and client: self-contained (blake3, pyfastcdc).

Inside the server this package is ``domain.format``; in the client's wheel it is ``dits_client.format``.
`docs/formats.md` specifies every byte; `docs/format-vectors/` holds the test vectors.
"""
