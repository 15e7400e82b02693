"""Benchmarks, one file each: the module's name is the benchmark's name.

A benchmark module has its own flags and a function `run()` that prints a table. Modules without
`run` are what benchmarks are made of.
"""

import importlib
import pkgutil
from types import ModuleType


def names() -> tuple[str, ...]:
    """The benchmarks' names, sorted; imports them all."""
    found = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return tuple(name for name in found if hasattr(_module(name), "run"))


def get(name: str) -> ModuleType:
    """The benchmark's module; imports no other one if it exists.

    Raises:
      ValueError: there is none of that name; says which there are.
    """
    known = {module.name for module in pkgutil.iter_modules(__path__)}
    if name not in known or not hasattr(_module(name), "run"):
        raise ValueError(f"no benchmark {name!r}; there are {', '.join(names())}")
    return _module(name)


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"{__name__}.{name}")
