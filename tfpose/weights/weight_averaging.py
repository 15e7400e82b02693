"""Weight averaging: one network whose weights are the mean of several.

Also called model soups (Wortsman et al. 2022, arXiv:2203.05482). Networks that were trained further
from the same weights often lie in one valley, where the loss is lower between them than at each. So
the mean of a run's end, of earlier runs and of checkpoints on the way (Izmailov et al. 2018,
arXiv:1803.05407) may be better than the best of them, at the same cost. Networks from different
random weights usually lie in different valleys. Measure it. Batch norms' statistics are averaged,
too.
"""

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from estimator.spec import PoseSpec

from . import loading, opening


def average(
    sources: Sequence[str | os.PathLike[str]], shares: Sequence[float] = ()
) -> tuple[Any, PoseSpec]:
    """Averages the weights of networks.

    Args:
      sources: .keras files, runs' folders and folders of single checkpoints, whose moving averages
        are taken; the first must be a .keras or a finished run, and gives network and spec.
      shares: relative weights of the sources. Empty: all alike.

    Returns:
      The network, and the first one's spec.

    Raises:
      FileNotFoundError: a source does not exist.
      ValueError: there are fewer than two, they are not the same network, or the shares do not fit.
    """
    shares = tuple(shares) or (1.0,) * len(sources)
    _check(sources, shares)
    first = _file(Path(sources[0]))
    model, spec = opening.load(str(first))
    variables = loading.named_variables(model)
    sums = {name: np.zeros(value.shape) for name, value in variables.items()}
    for source, share in zip(sources, shares, strict=True):
        loading.load_weights(model, spec, source)
        for name, value in variables.items():
            sums[name] += share / sum(shares) * value.numpy()
    for name, value in variables.items():
        value.assign(sums[name].astype(value.dtype.as_numpy_dtype))
    return model, spec


def _check(sources: Sequence[Any], shares: Sequence[float]) -> None:
    if len(sources) < 2:
        raise ValueError(f"a mean takes two networks or more, found {len(sources)}")
    if len(shares) != len(sources):
        raise ValueError(f"{len(sources)} networks take as many shares, found {len(shares)}")
    if not all(0 < share < math.inf for share in shares):
        raise ValueError(f"shares must be positive numbers, found {list(shares)}")


def _file(path: Path) -> Path:
    """The .keras of a source."""
    file = path / "model.keras" if path.is_dir() else path
    if not file.is_file():
        raise FileNotFoundError(
            f"there is no {file}: the first network is a .keras or a finished run's folder"
        )
    if file.suffix != ".keras":
        raise ValueError(f"the first network must be a .keras or a run's folder, found {file}")
    return file
