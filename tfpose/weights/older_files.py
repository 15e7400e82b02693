"""`.keras` files that were written while layers had dots in their names.

Keras's PyTorch backend cannot open them, so their layers are renamed before Keras reads them. The
weights need no change: a `.keras` file numbers its layers.
"""

import json
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from estimator import files

from ..blocks.layer_names import keras_name

CONFIG = "config.json"  # the member that describes the layers


@contextmanager
def renamed(path: Path) -> Iterator[Path]:
    """The file, or a temporary copy whose layers have names that every Keras backend accepts."""
    if not zipfile.is_zipfile(path):
        yield path  # Keras says what it is
        return
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            files.check_member(member, path)
        config = json.loads(archive.read(CONFIG)) if CONFIG in archive.namelist() else {}
        dotted = {name for name in _layer_names(config) if "." in name and "-" not in name}
        if not dotted:
            yield path
            return
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / path.name
            with zipfile.ZipFile(copy, "w", zipfile.ZIP_STORED) as target:
                for member in archive.infolist():
                    if member.filename != CONFIG:
                        target.writestr(member, archive.read(member))
                target.writestr(CONFIG, json.dumps(_renamed(config, dotted)))
            yield copy


def _layer_names(tree: Any) -> Iterator[str]:
    """The names of a model's layers, and of the models within it."""
    for layer in tree.get("config", {}).get("layers", ()):
        name = layer.get("name") or layer["config"].get("name", "")  # a Sequential's: in `config`
        yield str(name)
        yield from _layer_names(layer)


def _renamed(tree: Any, names: set[str]) -> Any:
    """A copy of a JSON tree: each string that is one of the names becomes a Keras name."""
    if isinstance(tree, dict):
        return {
            key: value if key == "module" else _renamed(value, names) for key, value in tree.items()
        }
    if isinstance(tree, list):
        return [_renamed(value, names) for value in tree]
    return keras_name(tree) if isinstance(tree, str) and tree in names else tree
