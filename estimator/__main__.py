"""Finds the people in photographs, videos and live streams; draws and writes them.

    python -m estimator photo.jpg holiday/ 'more/**/*.png' --out=drawn
    python -m estimator walk.mp4 --smooth --csv=walk.csv
    python -m estimator --model=model.tflite camera:0

Pictures: files, folders (the pictures directly inside) and globs (quoted, `**` goes into folders).
Writes NAME.poses.jpg beside each picture or into --out, and prints a table. Without a picture it
uses the sample that ships and writes into the current folder. A picture that cannot be read is
named and skipped.

Streams, one at a time: a video file, camera:N, rtsp://..., http://..., or - for JPEGs from standard
input. Writes NAME.poses.mp4 beside a file or into --out; cameras and network streams are shown in a
window if no other output is given. With --video, pictures become a video, too. Ctrl-C ends the
program and finishes every file.

Exit code: 0, 1 where something failed, 2 where nothing could start. More: docs/video.md.
"""

import dataclasses
import logging
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

from absl import flags

from .engines import CHOICES
from .outputs import draw, painting
from .people.smoothing import PRESETS as SMOOTHINGS
from .people.tracking import PRESETS as TRACKINGS
from .pose_estimator import DEFAULT
from .program import photographs, run, stream
from .program.options import Options
from .second_look.options import MODES as LOOKS
from .second_look.options import Options as SecondLook
from .streams import sources

FLAGS = run.new_flags()
WORDS = "[PICTURE|FOLDER|GLOB|STREAM ...]"

flags.DEFINE_string(
    "model", DEFAULT, "A .tflite that carries its spec, or a shipped model.", flag_values=FLAGS
)
flags.DEFINE_string(
    "out", None, "Folder for the drawings; made if it does not exist.", flag_values=FLAGS
)
flags.DEFINE_enum("draw", "skeleton", painting.KINDS, "What to draw.", flag_values=FLAGS)
flags.DEFINE_enum(
    "colour",
    None,
    draw.COLOURS,
    "What a limb's colour shows. Default: side; with --track: person.",
    flag_values=FLAGS,
)
flags.DEFINE_bool("scores", False, "Write the score of each person.", flag_values=FLAGS)
flags.DEFINE_bool("draw_boxes", False, "Draw a box around each person.", flag_values=FLAGS)
flags.DEFINE_bool(
    "beside", False, "Show the original picture beside the drawn one.", flag_values=FLAGS
)
flags.DEFINE_string(
    "json", None, "File for the poses as readable JSON; docs/estimator.md.", flag_values=FLAGS
)
flags.DEFINE_string("coco", None, "File for the poses as COCO keypoint results.", flag_values=FLAGS)
flags.DEFINE_string(
    "jsonl", None, "File for the poses as JSON lines, one line per frame.", flag_values=FLAGS
)
flags.DEFINE_string(
    "csv", None, "File for the poses as CSV, one row per person.", flag_values=FLAGS
)
flags.DEFINE_string(
    "openpose_json", None, "Folder for OpenPose's JSON, one file per frame.", flag_values=FLAGS
)
flags.DEFINE_string(
    "video", None, "File for the drawn frames: .mp4, .mkv, .mov or .avi.", flag_values=FLAGS
)
flags.DEFINE_bool(
    "show", False, "Show the drawn frames in a window; q ends the program.", flag_values=FLAGS
)
flags.DEFINE_bool("track", False, "Give people identities from frame to frame.", flag_values=FLAGS)
flags.DEFINE_enum(
    "tracking", "default", sorted(TRACKINGS), "Preset of the tracker.", flag_values=FLAGS
)
flags.DEFINE_bool("smooth", False, "Smooth the keypoints; implies --track.", flag_values=FLAGS)
flags.DEFINE_enum(
    "smoothing", "default", sorted(SMOOTHINGS), "Preset of the smoother.", flag_values=FLAGS
)
flags.DEFINE_float(
    "rate",
    None,
    "Frames per second of pictures, and of a live stream's --video.",
    0.01,
    flag_values=FLAGS,
)
flags.DEFINE_float(
    "min_score",
    0.2,
    "Lowest score of a person; 0 keeps everybody and every keypoint, as COCO's AP needs.",
    0.0,
    flag_values=FLAGS,
)
flags.DEFINE_integer(
    "max_people", None, "At most so many people a picture, the best first.", 1, flag_values=FLAGS
)
flags.DEFINE_bool(
    "normalised",
    False,
    "x and y of --json, --jsonl and --csv as shares of width and height.",
    flag_values=FLAGS,
)
flags.DEFINE_string(
    "frames", None, "START:STOP:STEP of a video's frames, counted from 0.", flag_values=FLAGS
)
flags.DEFINE_bool(
    "flip",
    False,
    "Average with the mirrored picture, or a detector's people with their mirror images: twice the "
    "time of the network that gives keypoints.",
    flag_values=FLAGS,
)
flags.DEFINE_list(
    "scales", ["1"], "Average over sizes of the picture, such as 0.5,1,1.5.", flag_values=FLAGS
)
flags.DEFINE_string(
    "boxes",
    None,
    "Boxes for a top-down model: a detector's file (COCO results).",
    flag_values=FLAGS,
)
flags.DEFINE_string(
    "detector",
    None,
    "Boxes for a top-down model: those of a detector, or of a bottom-up model.",
    flag_values=FLAGS,
)
flags.DEFINE_enum(
    "second_look",
    SecondLook.mode,
    LOOKS,
    "A small network reads the people found: auto is for our own networks and the "
    f"{SecondLook.people} best people of a picture, {SecondLook.boxes} of a detector; "
    "docs/estimator.md.",
    flag_values=FLAGS,
)
flags.DEFINE_string(
    "reader",
    None,
    "The top-down network of the second look, such as one of your own. Default: the one of ours "
    "that goes with the model.",
    flag_values=FLAGS,
)
flags.DEFINE_integer(
    "batch", 1, "Boxes per run of a top-down model; docs/video.md.", 1, flag_values=FLAGS
)
flags.DEFINE_integer(
    "height",
    None,
    "Input height of a flexible model; lower is faster, higher finds small people.",
    flag_values=FLAGS,
)
flags.DEFINE_integer(
    "threads",
    None,
    "Threads of the networks. Default: the usable cores, at most 4.",
    1,
    flag_values=FLAGS,
)
flags.DEFINE_enum(
    "engine",
    None,
    list(CHOICES),
    "What runs the model; auto: the fastest installed for this processor. Default: auto for "
    "streams and many pictures, else what starts fastest.",
    flag_values=FLAGS,
)


def main(argv: Sequence[str]) -> int:
    """Runs the program; returns its exit code."""
    logging.basicConfig(format="%(message)s", force=True)  # replaces absl's
    fields = dataclasses.fields(Options)
    values: dict[str, Any] = {field.name: FLAGS[field.name].value for field in fields}
    options = Options(**values)
    is_stream = options.video or options.show or any(map(sources.is_stream, argv[1:]))
    prepare = stream.prepare if is_stream else photographs.prepare
    started = False
    try:
        with ExitStack() as stack:
            work = prepare(options, argv[1:], stack)
            started = True
            return work()
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1 if started else 2


if __name__ == "__main__":
    sys.exit(
        run.start(
            run.Program(
                name="python -m estimator",
                about=__doc__ or "",
                flags=FLAGS,
                main=main,
                words=WORDS,
            ),
            sys.argv[1:],
        )
    )
