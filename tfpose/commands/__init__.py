"""The commands of `tfpose`: flags to one call.

A module in one of the rooms below is a command of its name, with `-` for `_`. It has `FLAGS` and
`main(argv)`, and `WORDS` where it takes words besides flags; its docstring is its help. The work is
done elsewhere, in `tfpose` and `estimator`, and imported inside functions: flags are checked, and
--help answers, before TensorFlow is imported.
"""

import ast
import importlib
import pkgutil
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parent


def names() -> tuple[str, ...]:
    """The commands' names, sorted."""
    return tuple(sorted(_rooms()))


def get(name: str) -> ModuleType:
    """The command's module.

    Raises:
      ValueError: there is none of that name.
    """
    rooms = _rooms()
    if name not in rooms:
        raise ValueError(f"no command {name!r}; there are {', '.join(sorted(rooms))}")
    return importlib.import_module(f"{__name__}.{rooms[name]}.{name.replace('-', '_')}")


def about(name: str) -> str:
    """The first line of a command's docstring, read without importing it."""
    file = ROOT / _rooms()[name] / f"{name.replace('-', '_')}.py"
    text = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return text.partition("\n")[0]


def _rooms() -> dict[str, str]:
    """Command to the room that it lies in."""
    return {
        command.name.replace("_", "-"): room.name
        for room in pkgutil.iter_modules([str(ROOT)])
        if room.ispkg
        for command in pkgutil.iter_modules([str(ROOT / room.name)])
    }
