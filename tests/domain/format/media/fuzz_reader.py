"""The reader under atheris: ``python -m tests.domain.format.media.fuzz_reader CORPUS -max_total_time=60``.

Promises: ends with a trace at the first exception but FormatError, and at columns that do not agree, be it
in the reader, in the layout or in the facts; time and memory of one input are bounded by libFuzzer's options.
"""

from __future__ import annotations

import importlib
import os
import sys


def main() -> None:
    atheris = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["domain.format"]):
        errors = importlib.import_module("domain.format.errors")
        reading = importlib.import_module("domain.format.media.reading")
        layout = importlib.import_module("domain.format.media.layout")
        facts = importlib.import_module("domain.format.media.facts")
    source = importlib.import_module("domain.format.media.source")
    columns = importlib.import_module("tests.domain.format.media.columns")

    def look(content: bytes) -> None:
        held = source.BytesSource(content)
        try:
            movie = reading.read_movie(held)
        except errors.FormatError:
            return
        if movie is not None:
            assert all(columns.are_agreed(track.samples) for track in movie.tracks)
            layout.layout_of(movie, len(content))
            facts.facts_of(held, movie).encode()

    atheris.Setup(sys.argv, look)
    atheris.Fuzz()


def in_a_fork() -> int:
    """The exit code of `main` in a process whose memory was never larger than its own.

    libFuzzer compares getrusage's peak with its limit, and Linux hands that of whoever starts a program on
    to the program: a test run that once had a gigabyte would fail at the first input.
    """
    child = os.fork()
    if child == 0:
        main()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    sys.exit(in_a_fork())
