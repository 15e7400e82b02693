"""What the commands share that train with PyTorch on drawn views: flags, the start, the result."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from absl import flags

from estimator import files
from estimator.arrays import Float
from tfpose.commands import arguments

if TYPE_CHECKING:
    from tfpose.online.lessons import Prepare

Arrays = Mapping[str, Float]


class LearningFlags:
    """Defines and reads --start, --out, --seconds, --rate, --batch, --ema and their like.

    Args:
      values: the command's flags.
      start: what may be given as --start, for the help.
      rate, ema: defaults.
    """

    def __init__(self, values: flags.FlagValues, *, start: str, rate: float, ema: float) -> None:
        self._start = flags.DEFINE_string("start", None, start, required=True, flag_values=values)
        self._out = flags.DEFINE_string(
            "out", None, "Folder for student.npz.", required=True, flag_values=values
        )
        self._seconds = flags.DEFINE_float(
            "seconds", None, "Of training.", required=True, flag_values=values
        )
        self._rate = flags.DEFINE_float("rate", rate, "Muon's, at its highest.", flag_values=values)
        self._batch = flags.DEFINE_integer("batch", 16, "Views per step.", 1, flag_values=values)
        self._bfloat16 = flags.DEFINE_bool(
            "bfloat16",
            False,
            "Convolutions in bfloat16: half the time on a CPU with AVX-512 BF16 (lscpu), or on a "
            "GPU.",
            flag_values=values,
        )
        self._ema = flags.DEFINE_float(
            "ema",
            ema,
            "Share of the weights' moving average that a step keeps.",
            flag_values=values,
        )
        self._seed = flags.DEFINE_integer("seed", 0, "Of the views.", 0, flag_values=values)
        self._threads = flags.DEFINE_integer("threads", None, "Of PyTorch.", 1, flag_values=values)
        self._processes = flags.DEFINE_integer(
            "processes",
            1,
            "That train side by side on the CPU, one thread and a share of the pictures each, and "
            "average their weights every 25 steps.",
            1,
            flag_values=values,
        )
        arguments.existing(self._start)
        arguments.writable(self._out, folder=True)

    def start(self) -> dict[str, Float]:
        """The arrays of --start, a .keras or a student.npz, by the Keras network's names."""
        path = Path(self._start.value)
        if path.suffix == ".npz":
            with np.load(path) as stored:
                return dict(stored)
        from tfpose.weights import keras_files, loading

        named = loading.named_variables(keras_files.load_keras(path))
        return {name: np.asarray(variable) for name, variable in named.items()}

    @property
    def seed(self) -> int:
        """Of the views."""
        return int(self._seed.value)

    def run(self, prepare: "Prepare", frozen: tuple[str, ...]) -> None:
        """Trains, on a GPU where there is one, and writes student.npz now and then.

        Args:
          prepare: makes the network and the feed of a process.
          frozen: beginnings of the names of layers that stay as they are.
        """
        import torch

        from tfpose.online import learning, lessons

        if self._threads.value:
            torch.set_num_threads(self._threads.value)
        options = learning.Options(
            seconds=self._seconds.value,
            rate=self._rate.value,
            batch=self._batch.value,
            frozen=frozen,
            bfloat16=self._bfloat16.value,
            ema=self._ema.value,
            seed=self.seed,
        )
        lessons.run(prepare, options, self._saver(), processes=self._processes.value)

    def _saver(self) -> Callable[[Arrays], Path]:
        """Makes the folder, and returns what writes student.npz into it, whole or not at all."""
        out = Path(self._out.value)
        out.mkdir(parents=True, exist_ok=True)

        def save(arrays: Arrays) -> Path:
            with files.Whole(out / "student.npz") as partial:
                np.savez(partial, **arrays)  # type: ignore[arg-type]  # NumPy's stub
            return out / "student.npz"

        return save
