"""The reader under atheris: ``python -m tests.domain.format.media.fuzz_reader CORPUS -max_total_time=60``.

Promises: ends with a trace at the first exception but FormatError, and at columns that do not agree; time
and memory of one input are bounded by libFuzzer's options.
"""

from __future__ import annotations

import importlib
import sys


def main() -> None:
    atheris = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["domain.format"]):
        errors = importlib.import_module("domain.format.errors")
        reading = importlib.import_module("domain.format.media.reading")
    source = importlib.import_module("domain.format.media.source")
    columns = importlib.import_module("tests.domain.format.media.columns")

    def look(content: bytes) -> None:
        try:
            movie = reading.read_movie(source.BytesSource(content))
        except errors.FormatError:
            return
        if movie is not None:
            assert all(columns.are_agreed(track.samples) for track in movie.tracks)

    atheris.Setup(sys.argv, look)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
