"""Lists every network: what it reads, what it costs; with flags how large and fast it is here.

tfpose zoo
tfpose zoo --models=lightweight_openpose,hrnet_w32 --sizes --latency --threads=2
tfpose zoo --models=tfpose_s --skeleton=mine.json
tfpose zoo --into=docs/models.md
tfpose zoo --plot=published.svg

Parameters and GMACs are stored with the program, and a test holds them equal to the networks, so
that the table takes a quarter of a second. --skeleton, --recount, --sizes and --latency build the
networks that they are asked for: two minutes for all.
"""

from pathlib import Path

from absl import flags

from estimator.program import run
from tfpose.commands import arguments, zoo_figures, zoo_table
from tfpose.commands.zoo_figures import Figures

FLAGS = run.new_flags()

MODELS = flags.DEFINE_list("models", [], "Names; all where not given.", flag_values=FLAGS)
SKELETON = flags.DEFINE_string(
    "skeleton",
    None,
    "Keypoints instead of the networks' own, by name or from a .json: counts anew.",
    flag_values=FLAGS,
)
SIZES = flags.DEFINE_bool(
    "sizes", False, "Convert, for the sizes as .tflite: minutes for all.", flag_values=FLAGS
)
LATENCY = flags.DEFINE_bool(
    "latency", False, "Run each with LiteRT in float32 on this machine.", flag_values=FLAGS
)
THREADS = flags.DEFINE_integer(
    "threads", 1, "Of LiteRT, for --latency.", lower_bound=1, flag_values=FLAGS
)
RUNS = flags.DEFINE_integer(
    "runs", 20, "Of which --latency prints the median.", lower_bound=1, flag_values=FLAGS
)
RECOUNT = flags.DEFINE_bool(
    "recount", False, "Build the networks and count, instead of stored figures.", flag_values=FLAGS
)
WRITE = flags.DEFINE_string("write", None, "File for the figures, as zoo.json.", flag_values=FLAGS)
INTO = flags.DEFINE_string(
    "into", None, "Page whose table of networks is written anew, from stored figures.",
    flag_values=FLAGS,
)  # fmt: skip
EVERY = flags.DEFINE_bool(
    "every", False, "--into: networks without trained weights, too.", flag_values=FLAGS
)
PLOT = flags.DEFINE_string(
    "plot", None, "An .svg: published AP against computation, from stored figures.",
    flag_values=FLAGS,
)  # fmt: skip
STORED = zoo_figures.read()
arguments.one_of(MODELS, tuple(STORED))
arguments.skeleton(SKELETON)
arguments.writable(WRITE)
arguments.writable(PLOT)
arguments.existing(INTO)

COLUMNS = "{:28} {:9} {:11} {:>9} {:>6} {:>9} {:>8}  {:16}"


def main(_: list[str]) -> None:
    """Prints the table; a row as soon as it is known."""
    if INTO.value:
        table = zoo_table.text(STORED, zoo_table.licences(), every=EVERY.value)
        zoo_table.put(Path(INTO.value), table)
        print(f"wrote the table of {INTO.value}")
    if PLOT.value:
        Path(PLOT.value).write_text(zoo_table.plot(STORED), encoding="utf-8")
        print(f"wrote {PLOT.value}")
    if INTO.value or PLOT.value:
        return
    extra = ["float32 MB", "int8 MB"] * SIZES.value + ["ms"] * LATENCY.value
    titles = ("model", "task", "skeleton", "input", "stride", "M params", "GMACs", "source")
    print(COLUMNS.format(*titles), *(f"{title:>10}" for title in extra))
    found = {}
    for name in MODELS.value or STORED:
        anew = RECOUNT.value or SKELETON.value
        found[name] = _counted(name) if anew else STORED[name]
        print(_row(name, found[name]), flush=True)
    if WRITE.value:
        zoo_figures.write(found, Path(WRITE.value))


def _counted(name: str) -> Figures:
    from tfpose.export import costs

    entry = costs.entry(name, skeleton=arguments.skeleton_of(SKELETON.value))
    return Figures(
        task=entry.task,
        skeleton=entry.spec.skeleton.name,
        height=entry.spec.image.height,
        width=entry.spec.image.width,
        stride=entry.spec.outputs.stride,
        parameters=entry.parameters,
        macs=entry.macs,
        source=entry.source,
    )


def _row(name: str, figures: Figures) -> str:
    row = COLUMNS.format(
        name,
        figures.task,
        figures.skeleton,
        f"{figures.height}x{figures.width}",
        figures.stride,
        f"{figures.parameters / 1e6:.3f}",
        f"{figures.macs / 1e9:.2f}",
        figures.source,
    )
    return row + _measured(name)


def _measured(name: str) -> str:
    """The columns that this machine is asked for."""
    if not (SIZES.value or LATENCY.value):
        return ""
    from tfpose.export import costs

    columns = [size / 1e6 for size in costs.file_sizes(name)] if SIZES.value else []
    if LATENCY.value:
        columns.append(1e3 * costs.latency(name, threads=THREADS.value, runs=RUNS.value))
    return "".join(f" {column:10.1f}" for column in columns)
