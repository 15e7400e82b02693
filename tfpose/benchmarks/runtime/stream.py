"""The whole program on a video file against the network alone: drawing and video writing on.

    tfpose benchmark stream --model=pose_int8.tflite

Without --video, people move through a made film of 1280x720. The two run in turns; what counts is
the share: frames a second of the whole, over what the network alone does on the same cores. On a
machine busy with other things the processor's own time tells more: its share is what the clock's
would be on idle cores that the network alone keeps busy. Then each other stage runs alone, and what
it makes is dropped at once, as in a stream. "in no stage" is what the whole takes above all of them
together: colder caches, new memory, threads, queues.
"""

import contextlib
import itertools
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from statistics import median

import cv2
import numpy as np
from absl import app, flags

from estimator import PoseEstimator, pictures
from estimator.engines import checks
from estimator.inputs import preprocess
from estimator.outputs.painting import Painting
from estimator.outputs.video_writer import VideoWriter
from estimator.people.smoothing import Smoother
from estimator.people.tracking import Tracker
from estimator.program import run, stream
from estimator.streams import follow, overlap, sources
from estimator.streams.frames import Frame

from .. import timing

FLAGS = run.new_flags()

MODEL = flags.DEFINE_string("model", None, "A .tflite that carries its spec.", flag_values=FLAGS)
VIDEO = flags.DEFINE_string(
    "video", None, "A film to use instead of the made one.", flag_values=FLAGS
)
FRAMES = flags.DEFINE_integer("frames", 90, "Of the made film.", 10, flag_values=FLAGS)
TURNS = flags.DEFINE_integer(
    "turns", 7, "How often each runs; the medians count.", 1, flag_values=FLAGS
)
THREADS = flags.DEFINE_integer(
    "threads", None, "Of the networks; default: the cores at hand.", 1, flag_values=FLAGS
)

HEIGHT, WIDTH = 720, 1280
HEAD = ("stage", "ms a frame", "processor ms", "network / it", "by processor")
REST = "in no stage"
Clocks = tuple[float, float]  # milliseconds a frame, of the wall's clock and of the processor


def main(_: list[str]) -> None:
    """Prints the table."""
    if not MODEL.value:
        raise app.UsageError("give --model=FILE.tflite")
    count = THREADS.value or checks.default_threads()
    if count > 1:
        cv2.setNumThreads(1)  # as the program does
    estimators = [PoseEstimator(MODEL.value, threads=1) for _ in range(count)]
    with tempfile.TemporaryDirectory() as folder:
        film = Path(VIDEO.value) if VIDEO.value else make_film(Path(folder), FRAMES.value)
        times: dict[str, list[Clocks]] = {}
        for _turn in range(TURNS.value):
            for name, spent in measure(estimators, film, Path(folder)).items():
                times.setdefault(name, []).append(spent)
    print(timing.table(HEAD, [_row(name, spent, times) for name, spent in times.items()]))


def _row(name: str, spent: list[Clocks], times: dict[str, list[Clocks]]) -> tuple[str, ...]:
    """Medians, and of the shares the median turn by turn."""
    milliseconds = [f"{median(part[clock] for part in spent):.1f}" for clock in (0, 1)]
    if name == REST:  # may be below 0
        return name, *milliseconds, "-", "-"
    alone = times["network alone"]
    shares = [
        median(network[clock] / part[clock] for network, part in zip(alone, spent, strict=True))
        for clock in (0, 1)
    ]
    return name, *milliseconds, *(f"{share:.2f}" for share in shares)


def make_film(folder: Path, frames: int) -> Path:
    """The sample's astronaut, twice and shrunk, walks over noise: (frames) of 720 x 1280."""
    rng = np.random.default_rng(0)
    ground = cv2.resize(rng.integers(0, 256, (45, 80, 3), np.uint8), (WIDTH, HEIGHT))
    people = [cv2.resize(pictures.read(pictures.SAMPLE), (side, side)) for side in (420, 300)]
    path = folder / "made.mp4"
    with VideoWriter(path, rate=30.0) as writer:
        for index in range(frames):
            picture = ground.copy()
            for place, person in enumerate(people):
                left = (200 + 600 * place + 4 * index) % (WIDTH - person.shape[1])
                picture[150 : 150 + person.shape[0], left : left + person.shape[1]] = person
            writer.write(picture, index / 30)
    return path


def measure(estimators: Sequence[PoseEstimator], film: Path, folder: Path) -> dict[str, Clocks]:
    """One turn: the networks alone, one a core, then all, then each other stage alone."""
    estimator = estimators[0]
    frames = list(sources.open_source(str(film)))
    count = len(frames)
    image, _ = preprocess.letterbox(frames[0].picture, estimator.spec.image)
    networks = [one.runner for one in estimators]
    for network in networks:
        network(image)
    spent: dict[str, Clocks] = {}

    @contextlib.contextmanager
    def clock(name: str) -> Iterator[None]:
        start, work = time.perf_counter(), time.process_time()
        yield
        ends = time.perf_counter() - start, time.process_time() - work
        spent[name] = 1000 * ends[0] / count, 1000 * ends[1] / count

    with clock("network alone"):
        for _ in overlap.spread(networks, itertools.repeat(image, count)):
            pass
    with clock("whole"), VideoWriter(folder / "whole.mp4", rate=30.0) as writer:
        stream.Run(
            estimators=[follow.whole_frame(one) for one in estimators],
            spec=estimator.spec,
            source=sources.open_source(str(film)),
            painting=Painting(colour_by="person"),
            people=_people(),
            video=writer,
        )()
    for name, stage in _stages(estimator, film, frames, folder).items():
        with clock(name):
            stage()
    wall, processor = (
        spent["whole"][clock] - sum(part[clock] for name, part in spent.items() if name != "whole")
        for clock in (0, 1)
    )
    spent[REST] = wall, processor
    return spent


def _people() -> follow.PeopleFilter:
    return follow.PeopleFilter(tracker=Tracker(), smoother=Smoother())


def _stages(
    estimator: PoseEstimator, film: Path, frames: Sequence[Frame], folder: Path
) -> dict[str, Callable[[], object]]:
    """What a frame needs beside the network, each for all frames."""
    pictures = [frame.picture for frame in frames]
    maps = [estimator.maps(picture) for picture in pictures]
    poses = [estimator.decode(one) for one in maps]
    painting, people = Painting(colour_by="person"), _people()

    def write() -> None:
        with VideoWriter(folder / "alone.mp4", rate=30.0) as writer:
            for frame in frames:
                writer.write(frame.picture, frame.time)

    return {
        "capture": lambda: _drop(sources.open_source(str(film))),
        "letterbox": lambda: _drop(
            preprocess.letterbox(one, estimator.spec.image) for one in pictures
        ),
        "decode": lambda: _drop(map(estimator.decode, maps)),
        "second look": lambda: _drop(map(estimator.look_again, pictures, poses, maps)),
        "follow": lambda: _drop(
            people(one, frame.time) for one, frame in zip(poses, frames, strict=True)
        ),
        "draw": lambda: _drop(
            painting.paint(estimator.spec, *part)
            for part in zip(pictures, maps, poses, strict=True)
        ),
        "write": write,
    }


def _drop(made: Iterable[object]) -> None:
    """Takes all; a list of them would cost new memory for each, which a stream uses again."""
    for _ in made:
        pass
