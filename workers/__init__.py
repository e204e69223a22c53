"""The loops: they follow the log, run sagas, keep read models and the archive, and end what is overdue.

Each loop is handed its ports and is run by ``supervisor``; ``starting`` says where a loop begins.
For the commit saga read ``commit_worker``, ``saga_runner``, ``commit_steps``; for the read models read
``projector`` and ``rebuild``; for salvage and pictures ``media_worker``, ``salvaging``, ``picturing``.
"""
