"""The training side: data sets, networks, training, evaluation, export, and the service.

What `__all__` names is public (docs/api.md); everything else may move. The rooms are imported when
they are first used, so that `import tfpose` needs neither TensorFlow nor numpy.
"""

import importlib
from typing import Any

__all__ = [  # the rooms, and the version, come from __getattr__
    "__version__",
    "datasets",
    "doctor",
    "evaluation",
    "export",
    "models",
    "recipes",
    "serving",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return importlib.import_module("estimator").__version__
    if name in __all__:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
