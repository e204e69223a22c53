"""Where bytes lie: the stores of objects named by their BLAKE3, their decorators, and the pipeline into them.

``local``, ``s3`` and ``memory`` are the adapters of the port ObjectStore; ``verified``, ``retrying`` and
``bounded`` add one behaviour each; ``pipeline`` cuts a stream and stores it while it arrives.
"""
