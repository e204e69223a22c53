"""How a command ends: its exit code, and the last line it says when something was wrong.

Promises: the codes below are a contract (`docs/cli.md`); an error of ours is one line with its code and the
next step, with a damaged container's issues below it; Ctrl-C is 130 without a traceback; a fault of ours
shows its traceback and asks for a report.
"""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Mapping, Sequence
from typing import assert_never, cast

import click

from domain.errors import DitsError, Kind
from infra.redaction import redacted_text

OK = 0
REFUSED = 1
USAGE = 2
UNAVAILABLE = 3
CONFLICT = 4
NOT_FOUND = 5
FAULT = 70  # EX_SOFTWARE of sysexits.h
SETTINGS = 78  # EX_CONFIG of sysexits.h
INTERRUPTED = 130  # 128 + SIGINT, as shells count
JSON_FLAG = "--json"
Issues = Sequence[Mapping[str, object]]

SEE_FILE = "`dits versions status` says why; mend the server's file of versions, which is followed"
NEXT_STEPS = {
    "NOT_RUNNING": "start it with `dits up`, or name DITS_DATA_DIR or the servers (docs/settings.md)",
    "ALREADY_RUNNING": "stop it, or use another DITS_DATA_DIR",
    "SETTINGS_INVALID": "mend these names; `dits settings` lists the right ones",
    "UNAUTHORIZED": "set DITS_API_KEY, or pass --key",
    "FORBIDDEN": "ask an administrator for a key with that scope",
    "LOCK_HELD": "ask the holder, or see `dits locks`",
    "CORRUPTED_CONTAINER": "send it again, keep it with `--raw PATH`, or `dits media salvage PATH@COMMIT`",
    "MEDIA_PICTURE_NOT_DRAWN": "ask again in a moment; of what cannot be decoded there is none",
    "MEDIA_HAS_NO_PICTURE": "`dits media list --kind video --mode media` names the films that have one",
    "MEDIA_NOT_DAMAGED": "`dits media list --warning corrupted-container` names those that are",
    "STALE_HEAD": "check out the new head and commit again",
    "REGISTRY_FILE_INVALID": "mend the file; `dits versions check FILE` judges it without a server",
    "REGISTRY_DRIFT": "compare with `dits versions list` and `dits versions history`",
    "VERSION_TRANSITION_REFUSED": "see `dits versions list` for what it is now",
    "VERSION_LIMIT_EXCEEDED": "`dits versions list` shows what can go",
    "VERSION_NOT_FOUND": "`dits versions list --public` shows what there is",
    "PRERELEASE_OPT_IN_REQUIRED": "ask for it with the header that the message names",
    "VERSION_SUNSET": "use a newer program, or a newer version of the API",
    "VERSION_BROWNOUT": "wait, and move to its successor before it is sunset",
    "REGISTRY_NOT_INITIALIZED": SEE_FILE,
    "NO_CURRENT_VERSION": SEE_FILE,
    "MULTIPLE_CURRENT_VERSIONS": SEE_FILE,
    "INSUFFICIENT_STORAGE": "free some space; reads go on",
    "LOG_REGRESSED": "stop writing and look at the log before anything else",
}
"""What to do next, by code or by a 503's reason; a kind's step is used where neither has one."""


def exit_code(error: DitsError) -> int:
    if error.code == "SETTINGS_INVALID":
        return SETTINGS
    match error.kind:
        case "unavailable" | "throttled" | "full":
            return UNAVAILABLE
        case "conflict":
            return CONFLICT
        case "missing" | "gone":
            return NOT_FOUND
        case "bug":
            return FAULT
        case "invalid" | "unauthorized" | "forbidden" | "too_large" | "unprocessable" | "corrupt":
            return REFUSED
        case _:
            assert_never(error.kind)


def next_step(error: DitsError) -> str:
    reason = str(error.facts.get("reason"))
    return NEXT_STEPS.get(reason) or NEXT_STEPS.get(error.code) or _step_of_kind(error.kind)


def run_to_exit_code(command: click.Command, arguments: list[str] | None = None) -> int:
    """Run a command to its end, whatever that is, and say what has to be said."""
    words, as_json = _json_first(sys.argv[1:] if arguments is None else arguments)
    try:
        answer = command.main(args=words, prog_name="dits", standalone_mode=False)
        return answer if isinstance(answer, int) else OK
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.ClickException as error:
        _say_usage(error, as_json=as_json)
        return USAGE
    except (KeyboardInterrupt, click.Abort):
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output has seen enough, as `dits log | head` does
        sys.stderr.close()
        return OK
    except DitsError as error:
        _say(error.code, error.message, next_step(error), as_json=as_json, issues=_issues_of(error))
        return exit_code(error)
    except Exception:  # noqa: BLE001 -- the CLI is one of the four places (style rule 16)
        step = "this is a fault of Dits; please report it with the lines above"
        _say("INTERNAL_SERVER_ERROR", redacted_text(traceback.format_exc().rstrip()), step, as_json=as_json)
        return FAULT


def _json_first(words: list[str]) -> tuple[list[str], bool]:
    """`dits locks --json` is as good as `dits --json locks`; what follows a ``--`` is the command's own."""
    end = words.index("--") if "--" in words else len(words)
    rest = [word for word in words[:end] if word != JSON_FLAG] + words[end:]
    as_json = JSON_FLAG in words[:end]
    return ([JSON_FLAG, *rest] if as_json else rest), as_json


def _issues_of(error: DitsError) -> Issues:
    """Of a damaged container, as the server lists them."""
    return cast("Issues", error.facts.get("issues", ()))


def _say(code: str, message: str, step: str, *, as_json: bool, issues: Issues = ()) -> None:
    if as_json:
        more = {"issues": list(issues)} if issues else {}
        click.echo(json.dumps({"code": code, "message": message, "next": step, **more}), err=True)
        return
    click.echo(f"dits: {message} [{code}]: {step}", err=True)
    for issue in issues:
        click.echo(f"  {issue.get('severity')}: {issue.get('message')}", err=True)


def _say_usage(error: click.ClickException, *, as_json: bool) -> None:
    if as_json:
        _say("USAGE", error.format_message(), "see --help", as_json=True)
    else:
        error.show()


def _step_of_kind(kind: Kind) -> str:
    match kind:
        case "invalid" | "unprocessable" | "too_large":
            return "mend it and try again"
        case "unauthorized" | "forbidden":
            return "check your key"
        case "missing" | "gone":
            return "check the name"
        case "conflict":
            return "look again, then repeat"
        case "throttled" | "unavailable":
            return "try again; nothing was lost"
        case "full":
            return "free some space"
        case "corrupt":
            return "an operator has to look at it"
        case "bug":
            return "please report it"
        case _:
            assert_never(kind)
