"""Lists every network: what it reads, what it costs, and with flags how large and fast it is here.

python -m scripts.zoo
python -m scripts.zoo --models=lightweight_openpose,hrnet_w32 --sizes --latency --threads=2
"""

from absl import app, flags

from tfpose import models, zoo

MODELS = flags.DEFINE_list("models", [], "Names; all where not given.")
SIZES = flags.DEFINE_bool("sizes", False, "Convert, for the sizes as .tflite: minutes for all.")
LATENCY = flags.DEFINE_bool("latency", False, "Run each with LiteRT in float32 on this machine.")
THREADS = flags.DEFINE_integer("threads", 1, "Of LiteRT, for --latency.", lower_bound=1)
RUNS = flags.DEFINE_integer("runs", 20, "Of which --latency prints the median.", lower_bound=1)

COLUMNS = "{:28} {:9} {:11} {:>9} {:>6} {:>9} {:>8}  {:16}"


def main(argv: list[str]) -> None:
    if argv[1:]:
        raise app.UsageError(f"unexpected arguments {argv[1:]}")
    if unknown := sorted(set(MODELS.value) - set(models.names())):
        raise app.UsageError(f"no models {unknown}; there are {', '.join(models.names())}")
    extra = ["float32 MB", "int8 MB"] * SIZES.value + ["ms"] * LATENCY.value
    titles = ("model", "task", "skeleton", "input", "stride", "M params", "GMACs", "source")
    print(COLUMNS.format(*titles), *(f"{title:>10}" for title in extra))
    for name in MODELS.value or models.names():
        print(_row(name), flush=True)


def _row(name: str) -> str:
    entry = zoo.entry(name)
    spec = entry.spec
    row = COLUMNS.format(
        name,
        entry.task,
        spec.skeleton.name,
        f"{spec.image.height}x{spec.image.width}",
        spec.outputs.stride,
        f"{entry.parameters / 1e6:.3f}",
        f"{entry.macs / 1e9:.2f}",
        entry.source,
    )
    if SIZES.value:
        row += "".join(f" {size / 1e6:10.1f}" for size in zoo.file_sizes(name))
    if LATENCY.value:
        seconds = zoo.latency(name, threads=THREADS.value, runs=RUNS.value)
        row += f" {1e3 * seconds:10.1f}"
    return row


if __name__ == "__main__":
    app.run(main)
