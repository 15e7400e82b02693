"""Benchmarks, one file each: the module's name is the benchmark's name.

A module in one of the rooms below is a benchmark. It has its own `FLAGS` and a function
`main(argv)` that prints a table. Modules beside the rooms are what benchmarks are made of. Only the
module that runs is imported, so that one that needs TensorFlow does not slow the others.
"""

import ast
import importlib
import pkgutil
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parent


def names() -> tuple[str, ...]:
    """The benchmarks' names, sorted."""
    return tuple(sorted(_rooms()))


def get(name: str) -> ModuleType:
    """The benchmark's module.

    Raises:
      ValueError: there is none of that name; says which there are.
    """
    rooms = _rooms()
    if name not in rooms:
        raise ValueError(f"no benchmark {name!r}; there are {', '.join(sorted(rooms))}")
    return importlib.import_module(f"{__name__}.{rooms[name]}.{name}")


def about(name: str) -> str:
    """The first line of a benchmark's docstring, read without importing it."""
    file = ROOT / _rooms()[name] / f"{name}.py"
    text = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return text.partition("\n")[0]


def _rooms() -> dict[str, str]:
    """Benchmark to the room that it lies in."""
    return {
        benchmark.name: room.name
        for room in pkgutil.iter_modules([str(ROOT)])
        if room.ispkg
        for benchmark in pkgutil.iter_modules([str(ROOT / room.name)])
    }
