"""`dits demo`: the main job of Dits on a real film, on real servers, in front of your eyes."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import click

from infra.cli.demo import acts
from infra.cli.demo.stage import Stage, say
from infra.cli.output import Output
from infra.cli.up import laptop_of
from infra.dev.ports import free_port


@click.command()
@click.option(
    "--video",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A film of yours (MP4 or MOV) instead of the one that is made.",
)
@click.option("--keep", is_flag=True, help="Keep the data directory, and say where it is.")
@click.pass_obj
def command(output: Output, *, video: Path | None, keep: bool) -> None:
    """Push, edit, lock, crash, fail, rebuild and check out a real film. Ends with 0 only if all held."""
    directory = Path(tempfile.mkdtemp(prefix="dits-demo-"))
    os.environ["DITS_DEV"] = "1"  # the crash of act 5 is wired for developers only
    given = {"data_dir": directory / "data", "gateway_port": free_port(str(directory))}
    laptop = laptop_of(given, Output(as_json=output.as_json))
    try:
        stage = Stage(laptop, directory)
        acts.play(stage, video)
        say(f"\nEverything held, in {stage.elapsed_s():.0f} s. Next: dits up")
    finally:
        laptop.stop()
        if keep:
            say(f"kept: {directory}")
        else:
            shutil.rmtree(directory, ignore_errors=True)
