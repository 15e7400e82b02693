"""Makes one network of several by the mean of their weights (docs/training.md, "A soup").

  tfpose average-weights --models=runs/second,runs/first --shares=0.6,0.4 \
    --out=averaged.keras
  tfpose evaluate --model=averaged.keras ...

For networks that were trained on from one another, and for checkpoints of one run.
"""

from pathlib import Path

from absl import app, flags

from estimator.program import run
from tfpose.commands import arguments

FLAGS = run.new_flags()

MODELS = flags.DEFINE_list(
    "models", None, "Two or more .keras, runs, checkpoints; a .keras or finished run first.",
    required=True,
 flag_values=FLAGS)  # fmt: skip
SHARES = flags.DEFINE_list(
    "shares", [], "How much each counts; all alike where not given.", flag_values=FLAGS
)
OUT = flags.DEFINE_string("out", None, "File to write: .keras.", required=True, flag_values=FLAGS)
HALF = flags.DEFINE_bool(
    "half", False, "Store kernels in float16: half the file, to train on from.", flag_values=FLAGS
)


arguments.existing(MODELS)
arguments.ending(OUT, (".keras",))
arguments.writable(OUT)


def main(_: list[str]) -> None:
    """Averages, and writes the network."""
    shares = [_number(share) for share in SHARES.value]
    from tfpose.weights import keras_files, weight_averaging

    out = Path(OUT.value)
    model, spec = weight_averaging.average(MODELS.value, shares)
    out.parent.mkdir(parents=True, exist_ok=True)
    keras_files.save_keras(model, spec, out, half=HALF.value)
    print(f"{out}: the mean of {len(MODELS.value)} networks")


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise app.UsageError(f"--shares takes numbers, found {text!r}") from None
