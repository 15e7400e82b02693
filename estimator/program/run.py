"""Runs a program: parses its flags, says its help, turns what goes wrong into a line and a code.

Every program of the house is started here. A program has flags of its own (`absl.flags.FlagValues`)
so that several can be imported, and called, in one process.
"""

import io
import os
import re
import sys
import textwrap
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from absl import app, flags, logging

from . import extras

OK, FAILED, NOT_STARTED, INTERRUPTED = 0, 1, 2, 130
HELP = ("-h", "--help", "-help", "--helpshort", "--helpfull")
SPECIAL = ("flagfile", "undefok")  # absl's, in every set of flags
WIDTH = 100
EXPECTED = (
    *(OSError, ValueError, FloatingPointError, MemoryError, zipfile.BadZipFile),
    app.UsageError,
)
# Errors of libraries that a program may have imported; they inherit from none of the above.
FOREIGN = {
    "tensorflow": ("errors.OpError",),
    "torch": ("OutOfMemoryError",),
    "cv2": ("error",),
}


@dataclass(frozen=True, kw_only=True)
class Program:
    """What can be run.

    Attributes:
      name: as one types it.
      about: help text; its first line says what the program does.
      flags: its own.
      main: gets the name and the words that are no flags; returns an exit code, None for 0.
      words: what words it takes besides flags, for the usage line; "" takes none.
    """

    name: str
    about: str
    flags: flags.FlagValues
    main: Callable[[list[str]], int | None]
    words: str = ""


def new_flags() -> flags.FlagValues:
    """Flags for a program of its own."""
    return flags.FlagValues()  # type: ignore[no-untyped-call]  # absl's stub


def start(program: Program, arguments: Sequence[str]) -> int:
    """Runs a program as this process's only one: sets logging up, then `call`."""
    flags.FLAGS.mark_as_parsed()  # absl's own, which stay at their defaults: logging asks for it
    logging.use_absl_handler()
    logging.set_verbosity(logging.INFO)
    if isinstance(sys.stdout, io.TextIOWrapper):  # a file's name may be no text of this terminal
        sys.stdout.reconfigure(errors="backslashreplace")
    return call(program, arguments)


def call(program: Program, arguments: Sequence[str]) -> int:
    """Runs a program; the exit code.

    Args:
      program: to run; its flags are set back to their defaults first.
      arguments: of the command line, without the program's name.

    Returns:
      0, 1 where something failed, 2 where the program could not start, 130 after Ctrl-C.
    """
    code = NOT_STARTED
    try:
        if set(HELP) & set(arguments):
            print(help_text(program))
            return OK
        words = _parse(program, arguments)
        code = FAILED
        return program.main(words) or OK
    except ImportError as error:
        return _told(extras.advice(error), NOT_STARTED)
    except (flags.Error, app.UsageError) as error:
        return _told(_plain(error), NOT_STARTED)
    except BrokenPipeError:  # whoever read the output has gone: `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except KeyboardInterrupt:
        return _told("interrupted", INTERRUPTED)
    except _expected() as error:
        return _told(str(error) or type(error).__name__, code)


def _parse(program: Program, arguments: Sequence[str]) -> list[str]:
    """The words that are no flags, the program's name first.

    Raises:
      flags.Error, app.UsageError: a flag or a word that the program doesn't take.
    """
    for name in program.flags:
        program.flags[name].unparse()  # of an earlier call in this process
    words = program.flags([program.name, *arguments])
    if words[1:] and not program.words:
        raise app.UsageError(
            f"unexpected {' '.join(words[1:])!r}: {program.name} takes flags only, lists as a,b"
        )
    return words


def help_text(program: Program) -> str:
    """What --help prints: what the program does, then its flags."""
    usage = " ".join(part for part in (program.name, "[flags]", program.words) if part)
    own = [name for name in program.flags if program.flags[name].name == name]
    told = [_told_flag(program.flags[name]) for name in own if name not in SPECIAL]
    more = "--flagfile=FILE reads flags from a file, --help says this."
    return "\n".join((f"usage: {usage}", "", program.about.strip(), "", *told, "", more))


def _told_flag(flag: flags.Flag[Any]) -> str:
    unset = flag.default in (None, "", []) or flag.default is False
    default = "" if unset else f" [{(flag.default_as_str or '').strip(chr(39))}]"
    text = f"{flag.help}{default}"
    name = f"--[no]{flag.name}" if flag.boolean else f"--{flag.name}"
    lines = textwrap.wrap(text, WIDTH - 6)
    return "\n".join((f"  {name}", *(f"      {line}" for line in lines)))


def _plain(error: Exception) -> str:
    """The message of a flag's error, without absl's way of saying it twice."""
    text = str(error)
    missing = re.findall(r"^flag --(\S+?)=None: Flag ", text, flags=re.MULTILINE)
    if missing:
        return "give " + " and ".join(f"--{name}" for name in missing)
    if isinstance(error, flags.UnrecognizedFlagError):
        near = re.search(r"Did you mean: ([^,?]+?)[,? ]", text)
        hint = f"did you mean --{near[1]}?" if near else "--help lists them"
        return f"no flag --{error.flagname}; {hint}"
    return re.sub(r"^flag (--\S+?)=\[.*?\]: ", r"\1: ", text).removeprefix("flag ")


def _expected() -> tuple[type[BaseException], ...]:
    """The classes of errors that a user can cause, of the libraries that were imported."""
    found: list[type[BaseException]] = [*EXPECTED]
    for module, names in FOREIGN.items():
        for name in names:
            place: Any = sys.modules.get(module)
            for part in name.split("."):
                place = getattr(place, part, None)
            if place is not None:
                found.append(place)
    return tuple(found)


def _told(message: str, code: int) -> int:
    line = " ".join(part.strip() for part in message.splitlines())
    print(f"error: {line}", file=sys.stderr)
    return code
