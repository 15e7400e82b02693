"""AP against time of a picture, for networks at several input heights, as a table and a plot.

    tfpose benchmark trade_off --models=tfpose_s,pose.tflite --annotations=val.json \
      --images=val.zip --out=trade_off.json --plot=trade_off.svg
    tfpose benchmark trade_off --figures=trade_off.json --plot=trade_off.svg

The first measures: AP through the runtime, as `tfpose evaluate` does, and the processor time from a
decoded picture to its people, one thread, medians over pictures in turns. Times are given as
ratios to the first model at its own height, so that a busy machine says as much as an idle one.
The second draws stored figures again.
"""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import median

from absl import flags

from estimator import PoseEstimator, files, pictures
from estimator.arrays import UInt8
from estimator.engines import cpu
from estimator.inputs.averaging import Averaging
from estimator.program import run

from .. import scatter, timing
from ..scatter import Point

FLAGS = run.new_flags()

MODELS = flags.DEFINE_list(
    "models", ["tfpose_s"], "Shipped names or files; the first is the measure.", flag_values=FLAGS
)
HEIGHTS = flags.DEFINE_list(
    "heights", ["256", "320", "352", "384", "448"], "Of the input.", flag_values=FLAGS
)
SECOND_LOOK = flags.DEFINE_bool(
    "second_look", True, "Our own network with a second look at people, too.", flag_values=FLAGS
)
MIRRORED = flags.DEFINE_list(
    "mirrored", [], "Those of --models that are measured with --flip, too.", flag_values=FLAGS
)
ANNOTATIONS = flags.DEFINE_string("annotations", None, "COCO keypoints.", flag_values=FLAGS)
IMAGES = flags.DEFINE_list("images", [], "Folders and zips.", flag_values=FLAGS)
TIMED = flags.DEFINE_integer("timed", 24, "Pictures that are timed.", 1, flag_values=FLAGS)
FIGURES = flags.DEFINE_string("figures", None, "Stored figures, to draw.", flag_values=FLAGS)
OUT = flags.DEFINE_string("out", None, "The figures, a .json.", flag_values=FLAGS)
PLOT = flags.DEFINE_string("plot", None, "The plot, an .svg.", flag_values=FLAGS)

HEAD = ("network", "height", "AP", "interval", "ms", "ratio")


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One network at one height.

    Attributes:
      network: its name, as it is shown.
      height: of the input, pixels.
      ap: COCO's AP; `low` and `high` are the ends of its 95% interval.
      milliseconds: of processor time per picture.
      ratio: of them to the first network's at its own height.
    """

    network: str
    height: int
    ap: float
    low: float
    high: float
    milliseconds: float
    ratio: float


def main(_: list[str]) -> None:
    """Measures or reads, prints the table, writes figures and plot."""
    for target in (OUT.value, PLOT.value):
        if target:
            files.check_writable(Path(target))
    if FIGURES.value:
        made = json.loads(Path(FIGURES.value).read_text(encoding="utf-8"))
        figures, conditions = [Figure(**row) for row in made["figures"]], made["conditions"]
    else:
        figures, conditions = _measured()
    print(conditions)
    print(timing.table(HEAD, [_cells(figure) for figure in figures]))
    if OUT.value:
        tree = {"conditions": conditions, "figures": [asdict(figure) for figure in figures]}
        Path(OUT.value).write_text(json.dumps(tree, indent=1) + "\n", encoding="utf-8")
    if PLOT.value:
        Path(PLOT.value).write_text(plot(figures), encoding="utf-8")
    for target in filter(None, (OUT.value, PLOT.value)):
        print(f"wrote {target}")


def plot(figures: Sequence[Figure]) -> str:
    """AP against the ratio of times, a line for each network; an .svg's text."""
    series: dict[str, list[Point]] = {}
    for figure in figures:
        point = Point(x=figure.ratio, y=figure.ap, label=str(figure.height))
        series.setdefault(figure.network, []).append(point)
    return scatter.svg(
        series,
        title="AP against the time of a picture; the numbers are heights of the input",
        x=f"time of a picture, as a ratio to {figures[0].network} at its own height",
        y="COCO's AP",
    )


def _measured() -> tuple[list[Figure], str]:
    from tfpose.data.picture_files import Pictures
    from tfpose.evaluation import annotations, evaluate

    if strange := set(MIRRORED.value) - set(MODELS.value):
        raise ValueError(f"--mirrored takes names of --models, found {', '.join(sorted(strange))}")
    if not ANNOTATIONS.value or not IMAGES.value:
        raise ValueError("give --annotations and --images, or --figures to draw stored ones")
    truth = annotations.read(ANNOTATIONS.value)
    images = Pictures([Path(part) for part in IMAGES.value])
    candidates = _candidates()
    scores = {}
    for name, estimator in candidates.items():
        settings = evaluate.Settings(averaging=estimator.averaging)
        report = evaluate.evaluate(estimator, truth, images, settings=settings)
        scores[name] = (report.scores.ap, *report.intervals["ap"])
    timed = [image.file_name for image in list(truth.images.values())[: TIMED.value]]
    read = [pictures.read(images.read(name)) for name in timed]
    taken = {name: median(each) for name, each in _times(candidates, read).items()}
    own = PoseEstimator(MODELS.value[0]).spec.image.height
    measure = taken[(Path(MODELS.value[0]).stem, own)]
    figures = [
        Figure(
            network=network,
            height=height,
            ap=round(ap, 4),
            low=round(low, 4),
            high=round(high, 4),
            milliseconds=round(taken[network, height], 2),
            ratio=round(taken[network, height] / measure, 3),
        )
        for (network, height), (ap, low, high) in scores.items()
    ]
    flagged = " ".join(cpu.telling()) or "unknown"
    return figures, (
        f"AP on {len(truth.images)} pictures; processor time of one thread, medians over "
        f"{len(read)} pictures in turns; processor: {flagged}"
    )


def _candidates() -> dict[tuple[str, int], PoseEstimator]:
    heights = [int(height) for height in HEIGHTS.value]
    found = {}
    for model in MODELS.value:
        name, spec = Path(model).stem, PoseEstimator(model).spec
        own = spec.image.height
        looks = {name: ("auto" if spec.answers == "boxes" else "off", Averaging())}
        if SECOND_LOOK.value and model == "tfpose_s":
            looks[f"{name}, second look"] = ("auto", Averaging())
        if model in MIRRORED.value:
            looks[f"{name}, --flip"] = (looks[name][0], Averaging(flip=True))
        for shown, (look, averaging) in looks.items():
            own_too = model == MODELS.value[0] or spec.answers == "boxes"
            for height in sorted({*heights, own} if own_too else heights):
                found[shown, height] = PoseEstimator(
                    model, height=height, threads=1, second_look=look, averaging=averaging
                )
    return found


def _times(
    candidates: Mapping[tuple[str, int], PoseEstimator], pictures: Sequence[UInt8]
) -> dict[tuple[str, int], list[float]]:
    """Milliseconds of each candidate for each picture; every picture goes round all of them."""
    found: dict[tuple[str, int], list[float]] = {name: [] for name in candidates}
    for picture in pictures:
        names = {str(name): partial(one, picture) for name, one in candidates.items()}
        taken = timing.medians(names, repeats=1, clock=time.process_time)
        for name in candidates:
            found[name].append(taken[str(name)])
    return found


def _cells(figure: Figure) -> tuple[str, ...]:
    interval = f"[{figure.low:.3f}, {figure.high:.3f}]"
    ms, ratio = f"{figure.milliseconds:.1f}", f"{figure.ratio:.2f}"
    return figure.network, str(figure.height), f"{figure.ap:.3f}", interval, ms, ratio
