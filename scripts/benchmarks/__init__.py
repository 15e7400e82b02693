"""Benchmarks, one file each: the module's name is the benchmark's name.

A benchmark module has its own flags and a function `run()` that prints a table. Modules without
`run` are what benchmarks are made of. Only the module that runs is imported, so that two may have
a flag of one name, and one that needs TensorFlow does not slow the others.
"""

import ast
import importlib
import pkgutil
from pathlib import Path
from types import ModuleType


def names() -> tuple[str, ...]:
    """The benchmarks' names, sorted."""
    found = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return tuple(name for name in found if _has_run(Path(__path__[0]) / f"{name}.py"))


def get(name: str) -> ModuleType:
    """The benchmark's module.

    Raises:
      ValueError: there is none of that name; says which there are.
    """
    if name not in names():
        raise ValueError(f"no benchmark {name!r}; there are {', '.join(names())}")
    return importlib.import_module(f"{__name__}.{name}")


def _has_run(file: Path) -> bool:
    statements = ast.parse(file.read_text()).body
    return any(isinstance(part, ast.FunctionDef) and part.name == "run" for part in statements)
