"""Gives a published TFLite file its spec, so that every command here takes it.

  tfpose add-spec --model=movenet_lightning.tflite --out=movenet.tflite
  tfpose predict --model=movenet.tflite photo.jpg

Known are MoveNet (SinglePose and MultiPose) and BlazePose's pose_landmark_lite, _full and _heavy;
the file's tensors tell which it is.
"""

from pathlib import Path

from absl import flags

from estimator.program import run
from tfpose.commands import arguments

FLAGS = run.new_flags()

MODEL = flags.DEFINE_string(
    "model", None, "The published .tflite.", required=True, flag_values=FLAGS
)
OUT = flags.DEFINE_string("out", None, "File to write: .tflite.", required=True, flag_values=FLAGS)
HEIGHT = flags.DEFINE_integer(
    "height", None, "Input height, where the file leaves it open.", flag_values=FLAGS
)
WIDTH = flags.DEFINE_integer(
    "width", None, "Input width, where the file leaves it open.", flag_values=FLAGS
)

arguments.existing(MODEL)
arguments.ending(OUT, (".tflite",))
arguments.writable(OUT)


def main(_: list[str]) -> None:
    """Writes the file that carries its spec."""
    from tfpose.weights import published_tflite

    out = Path(OUT.value)
    out.parent.mkdir(parents=True, exist_ok=True)
    name = published_tflite.add_spec(Path(MODEL.value), out, height=HEIGHT.value, width=WIDTH.value)
    print(f"{out}: {name}")
