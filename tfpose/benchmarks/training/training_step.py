"""A training step against Lightweight OpenPose's own, in PyTorch, from a checkout of it.

    git clone https://github.com/Daniil-Osokin/lightweight-human-pose-estimation.pytorch ../original
    pip install "tfpose[train]" torch
    tfpose benchmark training_step --original=../original

The same network, weights, made batch, loss and Adam on both sides, forwards, backwards and update:
theirs in PyTorch eager and in channels_last, ours as `tfpose train` runs the recipe
`lightweight_openpose_step1`. Both in float32, and in bfloat16 (autocast there, and here
--precision=mixed_bfloat16) unless --nobfloat16. Each framework has a process of its own, and their
steps take turns. Reading the data is in neither. Milliseconds per step are medians, by the clock
and of processor time; so are the ratios, PyTorch's time over that of the row. The loss is that of
the first step: where rows agree, they compute the same. The checkout's code runs here.
"""

import dataclasses
import importlib.util
import multiprocessing
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np
from absl import app, flags

from estimator.engines import checks, cpu
from estimator.program import run

from .. import original_step, timing

if TYPE_CHECKING:
    from tfpose.training.recipe import Recipe

FLAGS = run.new_flags()

ORIGINAL = flags.DEFINE_string(
    "original", None, "A checkout of Lightweight OpenPose.", required=True, flag_values=FLAGS
)
BATCH = flags.DEFINE_integer("batch", 8, "Pictures per step.", 1, flag_values=FLAGS)
SIZE = flags.DEFINE_integer("size", 368, "Height and width, a multiple of 8.", 8, flag_values=FLAGS)
THREADS = flags.DEFINE_integer(
    "threads", None, "Of each framework; default: the cores at hand.", 1, flag_values=FLAGS
)
TURNS = flags.DEFINE_integer("turns", 5, "Steps of each that count.", 1, flag_values=FLAGS)
BFLOAT16 = flags.DEFINE_bool("bfloat16", True, "Bfloat16 as well.", flag_values=FLAGS)

RECIPE = "lightweight_openpose_step1"
STRIDE = 8
UNCOUNTED = 2  # first steps: they build, compile and choose kernels
HEAD = ("step", "ms", "processor ms", "eager / this", "channels_last / this", "first loss")
Steps = Mapping[str, Callable[[], float]]  # by name; a step returns its loss


@dataclass(frozen=True, eq=False)
class Times:
    """Of one side's steps: seconds by the clock and of processor time, and the first loss."""

    clock: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)


def main(_: list[str]) -> None:
    """Prints the table.

    Raises:
      app.UsageError: the checkout is none of Lightweight OpenPose, or the size no multiple of 8.
      ImportError: PyTorch is not installed; says how to install it.
    """
    checkout = Path(ORIGINAL.value).resolve()
    if not (checkout / original_step.NETWORK).is_file():
        missing = original_step.NETWORK
        raise app.UsageError(f"{checkout} is no checkout of Lightweight OpenPose: no {missing}")
    if SIZE.value % STRIDE:
        raise app.UsageError(f"--size must be a multiple of {STRIDE}, found {SIZE.value}")
    if importlib.util.find_spec("torch") is None:
        raise ImportError("the original needs PyTorch: pip install torch")
    threads = THREADS.value or checks.default_threads()
    print(f"processor: {' '.join(cpu.telling()) or 'unknown'}; {threads} threads")
    print(f"batch {BATCH.value}, {SIZE.value}x{SIZE.value}")
    with tempfile.TemporaryDirectory() as room:
        batch, weights = Path(room, "batch.npz"), Path(room, "weights.pth")
        np.savez(batch, **make(BATCH.value, SIZE.value))  # type: ignore[arg-type]
        shared = {"threads": threads, "bfloat16": BFLOAT16.value}
        with (  # the first one writes the weights that the second one begins with
            _process(original_step.sides, (checkout, batch, weights), shared) as theirs,
            _process(ours, (batch, weights, Path(room)), shared) as own,
        ):
            times = take_turns((theirs, own), turns=TURNS.value)
    print(timing.table(HEAD, rows(times)))


def make(batch: int, size: int) -> dict[str, np.ndarray]:
    """A batch of noise with maps for 18 keypoints and 19 limbs."""
    rng = np.random.default_rng(0)
    cells = (batch, size // STRIDE, size // STRIDE)
    return {
        "image": rng.integers(0, 256, (batch, size, size, 3), np.uint8),
        "heatmaps": rng.random((*cells, 19), np.float32),
        "pafs": rng.uniform(-1, 1, (*cells, 38)).astype(np.float32),
        "mask": (rng.random(cells) < 0.9).astype(np.float32),
    }


def ours(batch: Path, weights: Path, folder: Path, *, threads: int, bfloat16: bool) -> Steps:
    """Our steps by name, as `original_step.sides`; they begin with its weights."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    arrays = dict(np.load(batch))
    recipe = dataclasses.replace(recipe_of(*arrays["image"].shape[:3]), start=str(weights))
    return our_steps(recipe, arrays, folder, bfloat16=bfloat16)


def recipe_of(batch: int, height: int, width: int) -> "Recipe":
    """The recipe of the original's first training step, with this batch and size."""
    from tfpose import recipes

    return dataclasses.replace(recipes.get(RECIPE), batch=batch, height=height, width=width)


def our_steps(
    recipe: "Recipe", arrays: Mapping[str, np.ndarray], folder: Path, *, bfloat16: bool
) -> Steps:
    """Steps by name, in float32 and perhaps in bfloat16; a step returns its loss.

    Args:
      recipe: of both.
      arrays: the batch, see `make`.
      folder: of a run; nothing is written into it.
      bfloat16: whether the second one is wanted.
    """
    kinds = ("float32", "mixed_bfloat16") if bfloat16 else ("float32",)
    return {
        f"tfpose, {kind}": _our_step(dataclasses.replace(recipe, precision=kind), arrays, folder)
        for kind in kinds
    }


def _our_step(
    recipe: "Recipe", arrays: Mapping[str, np.ndarray], folder: Path
) -> Callable[[], float]:
    """The function of one precision's step, as `tfpose.training.loop` calls it."""
    import tensorflow as tf

    from tfpose.training import replicas, step
    from tfpose.training.feeds.feed import Feed, step_inputs
    from tfpose.training.run import prepare

    batches = tf.data.Dataset.from_tensors(arrays).repeat()
    strategy = replicas.strategy()
    state = prepare(recipe, folder, Feed(batches=batches, examples=recipe.batch), strategy)
    function = step.make(state.parts)
    inputs = replicas.spread(strategy, step_inputs(next(iter(batches))))
    rate = tf.constant(recipe.optimiser.rate, tf.float32)
    return lambda: sum(float(term) for term in function(inputs, rate).terms.values())


def take_turns(connections: tuple[Any, ...], *, turns: int) -> dict[str, Times]:
    """Asks one process after the other for a step of each of its sides.

    Args:
      connections: to processes that `_serve`.
      turns: steps of each side that count, after `UNCOUNTED` others.

    Returns:
      Times by side.
    """
    sides = [(connection, name) for connection in connections for name in _told(connection)]
    times = {name: Times() for _, name in sides}
    for turn in range(UNCOUNTED + turns):
        for connection, name in sides:
            connection.send(name)
            clock, processor, loss = _told(connection)
            times[name].losses.append(loss)
            if turn >= UNCOUNTED:
                times[name].clock.append(clock)
                times[name].processor.append(processor)
    return times


def rows(times: Mapping[str, Times]) -> list[tuple[str, ...]]:
    """The rows of the table."""
    found = {name: (median(one.clock), median(one.processor)) for name, one in times.items()}
    return [
        (
            name,
            *(f"{1000 * seconds:.0f}" for seconds in found[name]),
            *(
                " / ".join(
                    f"{theirs / its:.2f}" for theirs, its in zip(found[peer], mine, strict=True)
                )
                for peer in ("eager", "channels_last")
            ),
            f"{times[name].losses[0]:.1f}",
        )
        for name, mine in found.items()
    ]


def _told(connection: Any) -> Any:
    """What a process sent; what it raised is raised here."""
    answer = connection.recv()
    if isinstance(answer, Exception):
        raise answer
    return answer


@contextmanager
def _process(
    opened: Callable[..., Steps], places: tuple[Path, ...], settings: Mapping[str, Any]
) -> Iterator[Any]:
    """A connection to a process that serves these steps, once it has opened them."""
    context = multiprocessing.get_context("spawn")  # frameworks' threads do not survive a fork
    here, there = context.Pipe()
    process = context.Process(
        target=_serve, args=(there, opened, places, dict(settings)), daemon=True
    )
    process.start()
    there.close()
    try:
        here.poll(None)
        yield here
    finally:
        here.close()
        process.terminate()
        process.join()


def _serve(
    connection: Any,
    opened: Callable[..., Steps],
    places: tuple[Path, ...],
    settings: Mapping[str, Any],
) -> None:
    """Sends the names of the steps, then times and loss of each step that is asked for."""
    try:
        steps = opened(*places, **settings)
        connection.send(tuple(steps))
        while True:
            name = connection.recv()
            clock, processor = time.perf_counter(), time.process_time()
            loss = steps[name]()
            spent = time.perf_counter() - clock, time.process_time() - processor
            connection.send((*spent, loss))
    except EOFError:
        return  # all turns were taken
    except Exception as error:
        connection.send(error)
