"""Picture to poses, all in, against the network alone: where the time goes.

    tfpose benchmark whole --model=model.tflite --pictures=photos

Each picture's file is decoded, laid into the input, run, and read as people in its own pixels;
"second look" is decoding with it, where there is one. The last columns are all of that over the
network alone, and the same with JPEGs decoded no larger than the network needs
(`PoseEstimator.read`).
"""

from pathlib import Path
from time import process_time

from absl import app, flags

from estimator import pictures
from estimator.inputs import preprocess
from estimator.pose_estimator import PoseEstimator
from estimator.program import run
from estimator.second_look.options import MODES as LOOKS
from estimator.second_look.options import Options as SecondLook

from .. import timing

FLAGS = run.new_flags()

MODEL = flags.DEFINE_string(
    "model", None, "A .tflite or .onnx that carries its spec.", flag_values=FLAGS
)
PICTURES = flags.DEFINE_multi_string(
    "pictures", [str(pictures.SAMPLE)], "Files, folders, globs.", flag_values=FLAGS
)
LOOK = flags.DEFINE_enum(
    "second_look", SecondLook.mode, LOOKS, "As `tfpose predict` has it.", flag_values=FLAGS
)
READER = flags.DEFINE_string("reader", None, "As `tfpose predict` has it.", flag_values=FLAGS)
THREADS = flags.DEFINE_integer("threads", 1, "Of the network.", flag_values=FLAGS)

REPEATS = 100
HEAD = (
    *("picture", "pixels", "people", "read", "lay in", "network", "decode", "second look"),
    *("all", "ratio", "reduced", "ratio"),
)


def main(_: list[str]) -> None:
    """Prints the table, milliseconds of processor time."""
    if not MODEL.value:
        raise app.UsageError("give --model=FILE.tflite")
    look = SecondLook(mode=LOOK.value, model=READER.value or "")
    estimator = PoseEstimator(MODEL.value, threads=THREADS.value, second_look=look)
    files = pictures.find(PICTURES.value).files
    rows = [measure(estimator, file) for file in files]
    print(timing.table(HEAD, rows))


def measure(estimator: PoseEstimator, file: Path) -> tuple[str, ...]:
    """A picture's row: each step by itself and all at once, in turns."""
    data = file.read_bytes()
    picture = pictures.read(data)
    image, _ = preprocess.letterbox(picture, estimator.spec.image)
    maps = estimator.maps(picture)
    time = timing.medians(
        {
            "read": lambda: pictures.read(data),
            "lay in": lambda: preprocess.letterbox(picture, estimator.spec.image),
            "network": lambda: estimator.runner(image),
            "decode": lambda: estimator.decode(maps),
            "people": lambda: estimator.people(picture, maps),
            "all": lambda: estimator(pictures.read(data)),
            "reduced": lambda: estimator.read(data),
        },
        repeats=REPEATS,
        clock=process_time,
    )
    return (
        str(file),
        f"{picture.shape[1]}x{picture.shape[0]}",
        str(len(estimator.decode(maps))),
        *(f"{time[step]:.2f}" for step in ("read", "lay in", "network", "decode", "people")),
        *(
            cell
            for step in ("all", "reduced")
            for cell in (f"{time[step]:.2f}", f"{time[step] / time['network']:.3f}")
        ),
    )
