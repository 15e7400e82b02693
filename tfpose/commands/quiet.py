"""Keeps lines about CUDA, oneDNN and opened data sets away from who runs a command.

TensorFlow 2.21 writes to file descriptor 2 before its logging begins, and no setting silences that:
what it writes is kept until the import is done, and shown where it fails.
"""

import importlib.abc
import importlib.util
import logging
import os
import re
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType

from absl import logging as absl_logging

from estimator.engines import stderr

NOISY = "tensorflow"
THEIRS = re.compile(r"[/\\](?:site|dist)-packages[/\\]tensorflow")  # and tensorflow_datasets


def install() -> None:
    """From now on, TensorFlow is imported quietly in this process, and logs warnings only."""
    absl_logging.get_absl_handler().addFilter(_is_ours_or_a_warning)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # "2" tells of GPUs that aren't there
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


def _is_ours_or_a_warning(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.WARNING or not THEIRS.search(record.pathname)


class _Finder(importlib.abc.MetaPathFinder):
    """Finds TensorFlow as others do, and has it loaded quietly."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != NOISY:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader)
        return spec


class _Loader(importlib.abc.Loader):
    def __init__(self, loader: importlib.abc.Loader) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        with stderr.kept():
            self._loader.exec_module(module)
