"""Works that `revisions` measures in this checkout and in another: what users wait for.

It runs there as a program of its own, `python -c SOURCE`, so it imports only what both have. It
reads the name of a work per line and answers with the seconds of processor time of one turn, of
all threads and child processes.
"""

import functools
import importlib
import inspect
import io
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

Work = Callable[[], object]
SIZES = ((640, 480), (480, 640), (640, 427), (500, 375), (640, 360), (427, 640))  # COCO's usual


def decode(people: str) -> Work:
    """Made maps of so many people to poses; cells grow with people, as a picture's do."""
    from tfpose.benchmarks import made_maps
    from tfpose.benchmarks.stored_maps import SPEC

    count = int(people)
    height, width = (46, 54) if count <= 5 else (92, 164) if count <= 50 else (138, 240)
    xy = made_maps.crowd(SPEC.skeleton, count, 8 * height, 8 * width)
    maps = made_maps.render(xy, SPEC.skeleton, SPEC.outputs, height, width)
    return functools.partial(SPEC.decode, maps)


def maps(file: str) -> Work:
    """A stored file of maps to poses."""
    from tfpose.benchmarks.stored_maps import SPEC, read

    return functools.partial(SPEC.decode, read(pathlib.Path(file)))


def picture(height: str) -> Work:
    """A JPEG of that height, 16 to 9, to poses with the default network, one thread."""
    import cv2

    from estimator import PoseEstimator
    from estimator.pictures import SAMPLE

    rows = int(height)
    whole = cv2.resize(cv2.imread(str(SAMPLE)), (rows * 16 // 9, rows))
    data = bytes(cv2.imencode(".jpg", whole)[1])
    return functools.partial(PoseEstimator(threads=1).read, data)


def samples(people: str) -> Work:
    """192 training samples of pictures with so many people, one thread; see `input_pipeline`."""
    from tfpose.pipeline import batches

    input_pipeline = _benchmark("training", "input_pipeline")
    records = batches.from_records(input_pipeline.make(int(people))).cache()
    older = getattr(input_pipeline, "_pipeline", None)  # of the other checkout
    iterator = iter((older or input_pipeline.pipeline)(records, "default", 1))

    def turn() -> None:
        for _ in range(input_pipeline.BATCHES):
            next(iterator)

    return turn


def _benchmark(room: str, name: str) -> Any:
    """A benchmark; it lies in no room where the other checkout is older than the rooms."""
    try:
        return importlib.import_module(f"tfpose.benchmarks.{room}.{name}")
    except ImportError:
        return importlib.import_module(f"tfpose.benchmarks.{name}")


def evaluate(pictures: str) -> Work:
    """An evaluation of the default network over so many made pictures, with intervals."""
    from estimator import pose_estimator
    from tfpose.evaluation import evaluate, network
    from tfpose.evaluation.evaluate import Settings

    folder = tempfile.mkdtemp()
    annotations = annotated(folder, int(pictures))
    options = inspect.signature(network.load).parameters
    more: Any = {"workers": True} if "workers" in options else {}  # as the command does
    opened = network.load(pose_estimator.DEFAULT, **more)
    settings = Settings(second_look="auto")
    return functools.partial(evaluate.evaluate, opened, annotations, [folder], settings=settings)


def annotated(folder: str, count: int) -> str:
    """Writes JPEGs of one and two people in COCO's sizes, and what the default network finds there.

    Returns:
      The annotations' file, in COCO's format.
    """
    import cv2

    from estimator import PoseEstimator, skeletons
    from estimator.outputs.results import coco_results
    from estimator.pictures import SAMPLE

    photo, estimator = cv2.imread(str(SAMPLE)), PoseEstimator()
    images: list[dict[str, Any]] = []
    people: list[dict[str, Any]] = []
    for number in range(count):
        width, height = SIZES[number % len(SIZES)]
        parts = 1 + (width > height)
        picture = cv2.hconcat([cv2.resize(photo, (width // parts, height))] * parts)
        name = f"{number:06d}.jpg"
        cv2.imwrite(os.path.join(folder, name), picture)
        size = {"height": picture.shape[0], "width": picture.shape[1]}
        images.append({"id": number, "file_name": name, **size})
        for found in coco_results(estimator(os.path.join(folder, name)), number):
            x, y, score = (found["keypoints"][start::3] for start in range(3))
            labels = [
                part
                for one in zip(x, y, score, strict=True)
                for part in (*one[:2], 2 * (one[2] > 0))
            ]
            box = [min(x), min(y), max(x) - min(x), max(y) - min(y)]
            people.append(
                {
                    "id": len(people) + 1,
                    "image_id": number,
                    "category_id": 1,
                    "iscrowd": 0,
                    "keypoints": labels,
                    "num_keypoints": sum(value > 0 for value in score),
                    "bbox": box,
                    "area": 0.5 * box[2] * box[3],
                }
            )
    names = list(skeletons.get("coco17").keypoints)
    person = {"id": 1, "name": "person", "keypoints": names, "skeleton": []}
    path = os.path.join(folder, "people.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"images": images, "annotations": people, "categories": [person]}, file)
    return path


def start(program: str) -> Work:
    """A new process: "import" of the runtime, "predict", one picture to people and a drawing, or
    "evaluate", eight pictures.

    Its byte code lies in a folder of its own after the first turn, as after an installation.
    """
    from estimator.pictures import SAMPLE

    if program == "import":
        words = ["-c", "import estimator"]
    elif program == "predict":
        words = ["-m", "tfpose", "predict", str(SAMPLE), f"--out={tempfile.mkdtemp()}"]
    else:
        folder = tempfile.mkdtemp()
        words = ["-m", "tfpose", program, "--model=tfpose_s", f"--images={folder}"]
        words += [f"--annotations={annotated(folder, 8)}"]
    return _process(words)


def film(frames: str) -> Work:
    """A new process that draws people into a made film of 1280x720, see `stream`."""
    folder = tempfile.mkdtemp()
    made = _benchmark("runtime", "stream").make_film(pathlib.Path(folder), int(frames))
    return _process(["-m", "tfpose", "predict", str(made), f"--out={folder}"])


def export(pictures: str) -> Work:
    """A new process that exports the shipped second network as int8, calibrated so."""
    from estimator.pose_estimator import SHIPPED

    folder = tempfile.mkdtemp()
    annotated(folder, int(pictures))
    os.remove(os.path.join(folder, "people.json"))
    words = ["-m", "tfpose", "export", "--format=int8", "--force", f"--calibration={folder}"]
    words += [f"--model={SHIPPED / 'tfpose_person' / 'model.keras'}"]
    return _process([*words, f"--out={os.path.join(tempfile.mkdtemp(), 'model.tflite')}"])


def _process(words: list[str]) -> Work:
    """A new process of Python, which is to succeed; what it prints is shown where it does not."""
    environment = {
        name: os.environ[name] for name in os.environ if name != "PYTHONDONTWRITEBYTECODE"
    } | {"PYTHONPYCACHEPREFIX": tempfile.mkdtemp()}

    def work() -> None:
        ended = subprocess.run(
            [sys.executable, *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment,
        )
        if ended.returncode:
            sys.stderr.write(ended.stdout.decode(errors="replace"))
            raise RuntimeError(f"{' '.join(words)} ended with {ended.returncode}")

    return work


KINDS: dict[str, tuple[Callable[[str], Work], int]] = {  # and how often a turn does it
    "decode": (decode, 40),
    "maps": (maps, 40),
    "picture": (picture, 5),
    "samples": (samples, 1),
    "evaluate": (evaluate, 1),
    "film": (film, 1),
    "export": (export, 1),
    "start": (start, 1),
}


def loop(lines: Any, answers: io.TextIOBase) -> None:
    """Answers each line "KIND@ARGUMENT" with the seconds of one turn, divided by its repeats."""
    made: dict[str, Work] = {}
    for line in lines:
        kind, _, argument = line.strip().partition("@")
        make, repeats = KINDS[kind]
        if line not in made:
            made[line] = make(argument)
            made[line]()
        begin = _seconds()
        for _ in range(repeats):
            made[line]()
        print((_seconds() - begin) / repeats, file=answers, flush=True)


def _seconds() -> float:
    times = os.times()
    return time.process_time() + times.children_user + times.children_system


if __name__ == "__main__":
    loop(sys.stdin, os.fdopen(os.dup(1), "w"))
