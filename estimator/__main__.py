"""Finds the people in photographs, videos and live streams, draws them, and writes them down.

    python -m estimator photo.jpg holiday/ 'more/**/*.png' --out=drawn
    python -m estimator walk.mp4 --smooth --csv=walk.csv
    python -m estimator --model=model.tflite camera:0

Pictures: files, folders (the pictures directly inside) and globs (quoted, `**` goes into folders).
Writes NAME.poses.jpg beside each picture or into --out, and prints a table. Without a picture it
runs on the sample that ships and writes into the current folder. A picture that cannot be read is
named and skipped.

Streams, one at a time: a video file, camera:N, rtsp://..., http://..., or - for JPEGs from standard
input. Writes NAME.poses.mp4 beside a file or into --out; cameras and network streams are shown in a
window where no other output is asked for. With --video, pictures become a video, too. Ctrl-C ends
it and finishes every file.

Exit code: 0, 1 where something failed, 2 where nothing could start. More: docs/video.md.
"""

import dataclasses
import logging
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

from absl import app, flags

from . import draw, painting, picture_program, sources, stream_program
from .choices import Choices
from .pose_estimator import DEFAULT
from .smoothing import PRESETS as SMOOTHINGS
from .tracking import PRESETS as TRACKINGS

flags.DEFINE_string("model", DEFAULT, "A .tflite that carries its spec, or a shipped model.")
flags.DEFINE_string("out", None, "Folder for what is drawn; made if need be.")
flags.DEFINE_enum("draw", "skeleton", painting.KINDS, "What to draw.")
flags.DEFINE_enum(
    "colour", None, draw.COLOURS, "What the colour of a limb tells. Default: side, tracked: person."
)
flags.DEFINE_bool("scores", False, "Write each person's score beside them.")
flags.DEFINE_bool("draw_boxes", False, "Draw a box around each person.")
flags.DEFINE_bool("beside", False, "Show the picture as it was beside the drawn one.")
flags.DEFINE_string("json", None, "File for the poses, readable; see estimator/writers.py.")
flags.DEFINE_string("coco", None, "File for the poses as COCO keypoint results.")
flags.DEFINE_string("jsonl", None, "File for the poses, one line a frame, as they come.")
flags.DEFINE_string("csv", None, "File for the poses as a table, one row a person.")
flags.DEFINE_string("openpose_json", None, "Folder for OpenPose JSON, one file a frame.")
flags.DEFINE_string("video", None, "File for the drawn frames: .mp4, .mkv, .mov or .avi.")
flags.DEFINE_bool("show", False, "Show the drawn frames in a window; q ends.")
flags.DEFINE_bool("track", False, "Give people identities from frame to frame.")
flags.DEFINE_enum("tracking", "default", sorted(TRACKINGS), "How --track tracks.")
flags.DEFINE_bool("smooth", False, "Steady the keypoints; tracks, too.")
flags.DEFINE_enum("smoothing", "default", sorted(SMOOTHINGS), "How --smooth smooths.")
flags.DEFINE_float("rate", None, "Frames a second of pictures, and of a live --video.", 0.01)
flags.DEFINE_float(
    "min_score", 0.2, "Leave out people below this score; for COCO's AP, 0 keeps all.", 0.0
)
flags.DEFINE_bool("flip", False, "Average with the mirrored picture: twice the time.")
flags.DEFINE_list("scales", ["1"], "Average over sizes of the picture: 0.5,1,1.5.")
flags.DEFINE_string("boxes", None, "A detector's file (COCO results), for a top-down model.")
flags.DEFINE_string("detector", None, "A bottom-up model that finds the people for a top-down one.")
flags.DEFINE_integer("batch", 1, "Boxes that a top-down model sees at once; docs/video.md.", 1)
flags.DEFINE_integer(
    "height", None, "Input height of a flexible model: less is faster, more finds smaller people."
)
flags.DEFINE_integer(
    "threads", None, "That networks run on. Default: the cores at hand, at most 4.", 1
)


def main(argv: Sequence[str]) -> int:
    """Runs the program; returns its exit code."""
    logging.basicConfig(format="%(message)s", force=True)  # instead of absl's
    fields = dataclasses.fields(Choices)
    values: dict[str, Any] = {field.name: flags.FLAGS[field.name].value for field in fields}
    choices = Choices(**values)
    is_stream = choices.video or choices.show or any(map(sources.is_stream, argv[1:]))
    prepare = stream_program.prepare if is_stream else picture_program.prepare
    started = False
    try:
        with ExitStack() as stack:
            work = prepare(choices, argv[1:], stack)
            started = True
            return work()
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1 if started else 2


if __name__ == "__main__":
    app.run(main)
