"""Benchmarks, one file each: the module's name is the benchmark's name.

A benchmark module has its own `FLAGS` and a function `main(argv)` that prints a table. Modules
without `main` are what benchmarks are made of. Only the module that runs is imported, so that one
that needs TensorFlow does not slow the others.
"""

import ast
import importlib
import pkgutil
from pathlib import Path
from types import ModuleType


def names() -> tuple[str, ...]:
    """The benchmarks' names, sorted."""
    found = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return tuple(name for name in found if _has_main(_tree(name)))


def get(name: str) -> ModuleType:
    """The benchmark's module.

    Raises:
      ValueError: there is none of that name; says which there are.
    """
    if name not in names():
        raise ValueError(f"no benchmark {name!r}; there are {', '.join(names())}")
    return importlib.import_module(f"{__name__}.{name}")


def about(name: str) -> str:
    """The first line of a benchmark's docstring, read without importing it."""
    return (ast.get_docstring(_tree(name)) or "").partition("\n")[0]


def _tree(name: str) -> ast.Module:
    return ast.parse((Path(__path__[0]) / f"{name}.py").read_text(encoding="utf-8"))


def _has_main(tree: ast.Module) -> bool:
    return any(isinstance(part, ast.FunctionDef) and part.name == "main" for part in tree.body)
