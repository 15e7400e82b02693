"""Finds the people in photographs, videos and live streams, draws them, and writes them down.

    python -m estimator --model=model.tflite photo.jpg holiday/ 'more/**/*.png' --out=drawn
    python -m estimator --model=model.tflite walk.mp4 --smooth --csv=walk.csv
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

import logging
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from pathlib import Path

from absl import app, flags

from . import (
    draw,
    frame_writers,
    painting,
    picture_program,
    pictures,
    sources,
    stream,
    stream_program,
    top_down,
    writers,
)
from .averaging import Averaging
from .frame_writers import FrameWriter
from .frames import Source
from .painting import Painting
from .pose_estimator import PoseEstimator, shipped_names
from .smoothing import PRESETS as SMOOTHINGS
from .smoothing import Smoother
from .spec import PoseSpec
from .tracking import PRESETS as TRACKINGS
from .tracking import Tracker
from .video_writer import VideoWriter
from .window import Window

MODEL = flags.DEFINE_string("model", None, "A .tflite that carries its spec, or a shipped model.")
OUT = flags.DEFINE_string("out", None, "Folder for what is drawn; made if need be.")
DRAW = flags.DEFINE_enum("draw", "skeleton", painting.KINDS, "What to draw.")
COLOUR = flags.DEFINE_enum(
    "colour", None, draw.COLOURS, "What the colour of a limb tells. Default: side, tracked: person."
)
SCORES = flags.DEFINE_bool("scores", False, "Write each person's score beside them.")
DRAW_BOXES = flags.DEFINE_bool("draw_boxes", False, "Draw a box around each person.")
BESIDE = flags.DEFINE_bool("beside", False, "Show the picture as it was beside the drawn one.")
JSON = flags.DEFINE_string("json", None, "File for the poses, readable; see estimator/writers.py.")
COCO = flags.DEFINE_string("coco", None, "File for the poses as COCO keypoint results.")
JSONL = flags.DEFINE_string("jsonl", None, "File for the poses, one line a frame, as they come.")
CSV = flags.DEFINE_string("csv", None, "File for the poses as a table, one row a person.")
OPENPOSE = flags.DEFINE_string("openpose_json", None, "Folder for OpenPose JSON, one file a frame.")
VIDEO = flags.DEFINE_string("video", None, "File for the drawn frames: .mp4, .mkv, .mov or .avi.")
SHOW = flags.DEFINE_bool("show", False, "Show the drawn frames in a window; q ends.")
TRACK = flags.DEFINE_bool("track", False, "Give people identities from frame to frame.")
TRACKING = flags.DEFINE_enum("tracking", "default", sorted(TRACKINGS), "How --track tracks.")
SMOOTH = flags.DEFINE_bool("smooth", False, "Steady the keypoints; tracks, too.")
SMOOTHING = flags.DEFINE_enum("smoothing", "default", sorted(SMOOTHINGS), "How --smooth smooths.")
RATE = flags.DEFINE_float("rate", None, "Frames a second of pictures, and of a live --video.", 0.01)
MIN_SCORE = flags.DEFINE_float(
    "min_score", 0.25, "Leave out people below this score; for COCO's AP, 0 keeps all.", 0.0
)
FLIP = flags.DEFINE_bool("flip", False, "Average with the mirrored picture: twice the time.")
SCALES = flags.DEFINE_list("scales", ["1"], "Average over sizes of the picture: 0.5,1,1.5.")
BOXES = flags.DEFINE_string(
    "boxes", None, "A detector's file (COCO results), for a top-down model."
)
DETECTOR = flags.DEFINE_string(
    "detector", None, "A bottom-up model that finds the people for a top-down one."
)
HEIGHT = flags.DEFINE_integer(
    "height", None, "Input height of a flexible model: less is faster, more finds smaller people."
)
THREADS = flags.DEFINE_integer("threads", None, "Default: the cores at hand, at most 4.", 1)

LIVE_RATE = 15.0  # frames a second of a video of a live source
HOW_TO_GET_A_MODEL = """\
No --model given{shipped}. Give the .tflite of a network. To make one from trained weights, in a
checkout with `pip install -e '.[train]'`:

  python -m scripts.import_weights --model=human_pose_estimation_0001 \\
      --source=human_pose_estimation_0001.npz --out=model.tflite
  python -m estimator --model=model.tflite photo.jpg"""


def main(argv: Sequence[str]) -> int:
    """Runs the program; returns its exit code."""
    if MODEL.value is None:
        names = shipped_names()
        shipped = f"; shipped are {', '.join(names)}" if names else ""
        print(HOW_TO_GET_A_MODEL.format(shipped=shipped), file=sys.stderr)
        return 2
    logging.basicConfig(format="%(message)s", force=True)  # instead of absl's
    is_stream = VIDEO.value or SHOW.value or any(map(sources.is_stream, argv[1:]))
    prepare = _prepare_stream if is_stream else _prepare_pictures
    started = False
    try:
        with ExitStack() as stack:
            work = prepare(stack, argv[1:])
            started = True
            return work()
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1 if started else 2


def _prepare_pictures(stack: ExitStack, names: Sequence[str]) -> Callable[[], int]:
    listing = pictures.find(names or [pictures.SAMPLE], drawn_suffix=picture_program.DRAWN)
    drawings: picture_program.Drawings = dict.fromkeys(listing.files)
    if DRAW.value != "none":
        folder = Path(OUT.value) if OUT.value else None if names else Path()
        drawings = picture_program.plan_drawings(listing.files, folder)
        if OUT.value:
            writers.make_folder(Path(OUT.value))
        for target in {path.parent: path for path in drawings.values() if path}.values():
            writers.check_writable(target)
    _check_outputs(listing.files)
    estimator = _estimator()
    look, painted = _look(estimator, listing.files), _painting(estimator.spec)
    people, rate = _people(), RATE.value or sources.RATE
    outputs = _open_outputs(stack, estimator.spec, live=False, numbered=False)

    def work() -> int:
        done, failures = picture_program.run(
            look,
            estimator.spec,
            drawings,
            painting=painted,
            people=people,
            outputs=outputs,
            rate=rate,
        )
        _report([(str(file), reason) for file, reason in failures])
        if done:
            print(picture_program.table(done, drawings))
        others = len(listing.skipped)
        if len(done) + len(failures) > 1 or failures or others:
            print(
                f"{len(done)} pictures done, {len(failures)} failed, {others} other files skipped"
            )
        return 1 if failures else 0

    return work


def _prepare_stream(stack: ExitStack, names: Sequence[str]) -> Callable[[], int]:
    source = stack.enter_context(_open_source(names))
    files = source.files if isinstance(source, sources.Pictures) else None
    _check_outputs(files or [Path(source.name)])
    video = _video_path(source)
    estimator = _estimator()
    look, painted = _look(estimator, files), _painting(estimator.spec)
    people = _people()
    outputs = _open_outputs(stack, estimator.spec, live=source.live, numbered=True)
    film = _open_video(stack, video, source) if video else None
    screen = None
    if SHOW.value or (source.live and not video and not outputs):
        screen = stack.enter_context(closing(Window(f"{source.name}: {estimator.spec.model}")))

    def work() -> int:
        summary = stream_program.run(
            look,
            estimator.spec,
            source,
            painting=painted,
            people=people,
            outputs=outputs,
            film=film,
            screen=screen,
        )
        _report(source.failures)
        tracker = people.tracker
        known = "" if tracker is None else f", {tracker.people} people"
        print(f"{source.name}: {summary}{known}" + (f"; {video}" if video else ""))
        if source.live:
            print(f"from capture to result: {summary.delay:.0f} ms, the median")
        return 1 if source.failures or not summary.frames else 0

    return work


def _open_source(names: Sequence[str]) -> Source:
    if len(names) > 1 and any(map(sources.is_stream, names)):
        raise ValueError(f"one stream at a time; found {', '.join(names)}")
    if len(names) == 1:
        return sources.open_source(names[0], rate=RATE.value)
    files = pictures.find(names or [pictures.SAMPLE], drawn_suffix=picture_program.DRAWN).files
    return sources.Pictures(files, name="pictures", rate=RATE.value or sources.RATE)


def _video_path(source: Source) -> Path | None:
    """--video, or beside a video file; None where nothing should be drawn."""
    if VIDEO.value:
        return Path(VIDEO.value)
    path = Path(source.name)
    if DRAW.value == "none" or not isinstance(source, sources.Video) or not path.is_file():
        return None
    folder = Path(OUT.value) if OUT.value else path.parent
    writers.make_folder(folder)
    return folder / f"{path.stem}{picture_program.DRAWN}.mp4"


def _open_video(stack: ExitStack, path: Path, source: Source) -> VideoWriter:
    is_file = isinstance(source, sources.Video)
    rate = LIVE_RATE if source.live else source.rate or sources.RATE
    film = VideoWriter(
        path,
        rate=(None if is_file else RATE.value) or rate,
        sound_of=source.name if is_file else None,
    )
    return stack.enter_context(film)


def _check_outputs(given: Sequence[Path]) -> None:
    named = {flag.name: flag.value for flag in (JSON, COCO, JSONL, CSV, VIDEO)}
    writers.check_apart({f"--{name}": Path(value) for name, value in named.items() if value}, given)


def _open_outputs(
    stack: ExitStack, spec: PoseSpec, *, live: bool, numbered: bool
) -> list[FrameWriter]:
    paths = {
        "coco": COCO.value,
        "openpose_json": OPENPOSE.value,
        "json": JSON.value,
        "jsonl": JSONL.value,
        "csv": CSV.value,
    }
    return [
        stack.enter_context(
            frame_writers.open_writer(kind, path, spec, live=live, numbered=numbered)
        )
        for kind, path in paths.items()
        if path
    ]


def _estimator() -> PoseEstimator:
    assert MODEL.value is not None  # main has seen to it
    try:
        scales = tuple(float(scale) for scale in SCALES.value)
    except ValueError as error:
        raise ValueError(f"--scales must be factors as 0.5,1,1.5; found {SCALES.value}") from error
    return PoseEstimator(
        MODEL.value,
        threads=THREADS.value,
        height=HEIGHT.value,
        averaging=Averaging(flip=FLIP.value, scales=scales),
    )


def _look(estimator: PoseEstimator, files: Sequence[Path] | None) -> stream.Look:
    if BOXES.value and DETECTOR.value:
        raise ValueError("--boxes and --detector both say where to look; give one")
    if BOXES.value:
        return top_down.TopDown(estimator, top_down.boxes_of_file(BOXES.value, pictures=files))
    if DETECTOR.value:
        detector = PoseEstimator(DETECTOR.value, threads=THREADS.value)
        return top_down.TopDown(estimator, top_down.boxes_of_network(detector))
    return stream.look_with(estimator)


def _painting(spec: PoseSpec) -> Painting:
    tracked = TRACK.value or SMOOTH.value
    painted = Painting(
        kind=DRAW.value,
        colour_by=COLOUR.value or ("person" if tracked else "side"),
        scores=SCORES.value,
        boxes=DRAW_BOXES.value,
        beside=BESIDE.value,
    )
    painted.check(spec, keeps_maps=not (BOXES.value or DETECTOR.value))
    return painted


def _people() -> stream.People:
    tracks = TRACK.value or SMOOTH.value
    return stream.People(
        tracker=Tracker(TRACKINGS[TRACKING.value]) if tracks else None,
        smoother=Smoother(SMOOTHINGS[SMOOTHING.value]) if SMOOTH.value else None,
        min_score=MIN_SCORE.value,
    )


def _report(failures: Sequence[tuple[str, str]]) -> None:
    for name, reason in failures:
        named = reason if name in reason else f"{name}: {reason}"
        print(f"skipped: {named}", file=sys.stderr)


if __name__ == "__main__":
    app.run(main)
