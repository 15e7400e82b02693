"""TensorFlow 1 checkpoints: tf-pose-estimation's own, and TF-slim's of ImageNet.

A checkpoint is several files, `NAME.index` and `NAME.data-...`; `NAME` or the index names it.
An optimizer's slots and moving averages are skipped.
"""

import os
from pathlib import Path

from .assign import TF1, Array

LAYOUT = TF1
PARAMETERS = frozenset(name for names in TF1.parameters.values() for name in names)


def read(path: str | os.PathLike[str]) -> dict[str, Array]:
    """Reads the variables, by their scopes' names.

    Raises:
      FileNotFoundError: there is no such checkpoint.
      ValueError: it is none, or holds no weights.
    """
    import tensorflow as tf

    name = str(path).removesuffix(".index")
    if not (Path(name).is_file() or Path(name + ".index").is_file()):
        raise FileNotFoundError(f"no weights at {name} or {name}.index")
    try:
        checkpoint = tf.train.load_checkpoint(name)
        arrays = {
            variable: checkpoint.get_tensor(variable)
            for variable in checkpoint.get_variable_to_shape_map()
            if variable.rpartition("/")[2] in PARAMETERS
        }
    except (tf.errors.OpError, RuntimeError) as error:
        raise ValueError(f"{path} is no TensorFlow checkpoint: {error}") from error
    if not arrays:
        raise ValueError(f"{path} is a checkpoint without weights")
    return arrays
