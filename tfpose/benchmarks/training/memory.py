"""Memory of training: the largest resident size of a run of each recipe, on made pictures.

    tfpose benchmark memory
    tfpose benchmark memory --recipes=tfpose_s,hrnet_w32 --batch=8 --limit=30

A process of its own per recipe trains a few steps with the recipe's batch, or --batch, on this
machine's CPU, without validation and drawings. Pictures are of COCO's sizes with one and two
people. A recipe that reads a teacher or its cache trains without it here: the teacher's own memory
comes on top. A run that passes --limit GiB is ended and its row says so. Linux only.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from absl import flags

from estimator.program import run

from .. import timing
from ..works import annotated

FLAGS = run.new_flags()

RECIPES = flags.DEFINE_list("recipes", [], "Names; all where not given.", flag_values=FLAGS)
BATCH = flags.DEFINE_integer("batch", None, "Instead of the recipe's.", 1, flag_values=FLAGS)
STEPS = flags.DEFINE_integer("steps", 3, "Of each run.", 1, flag_values=FLAGS)
LIMIT = flags.DEFINE_float("limit", 20.0, "GiB at which a run is ended.", 0.0, flag_values=FLAGS)

FEWEST = 24  # pictures
PAUSE = 0.1  # seconds between two looks at a run's memory
GIB = 1 << 30
HEAD = ("recipe", "network", "input", "batch", "GiB", "steps")


def main(_: list[str]) -> None:
    """Prints a row per recipe, as soon as it is known."""
    from tfpose import recipes  # TensorFlow: seconds, which --help does not wait for

    chosen = [(name, recipes.get(name)) for name in RECIPES.value or recipes.names()]
    with tempfile.TemporaryDirectory() as room:
        data = _prepared(Path(room), max(BATCH.value or recipe.batch for _, recipe in chosen))
        rows: list[tuple[str, ...]] = []
        for name, recipe in chosen:
            batch = BATCH.value or recipe.batch
            size = f"{recipe.height}x{recipe.width}" if recipe.height else "its own"
            gib, done = measure(name, data, Path(room, "runs", name), batch=batch)
            rows.append((name, recipe.model, size, str(batch), gib, str(done)))
            print(*rows[-1], file=sys.stderr, flush=True)
    print(timing.table(HEAD, rows))


def measure(name: str, data: Path, folder: Path, *, batch: int) -> tuple[str, int]:
    """GiB of a run, as text, and the steps that it did; what a failed run printed is shown.

    Args:
      name: of the recipe.
      data: of `_prepared`.
      folder: of the run.
      batch: of the run.
    """
    words = [
        *(f"--recipe={name}", "--dataset=custom/made", f"--data_dir={data}", f"--run={folder}"),
        *(f"--batch={batch}", f"--steps={STEPS.value}", "--epochs=0", "--gpus=0"),
        *("--start=none", "--teacher.model=", "--teacher.weights=", "--canvases="),
        *("--image_every=0", "--validate_every=0", f"--log_every={STEPS.value}"),
    ]
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "tfpose", "train", *words], stdout=said, stderr=said
        )
        most = 0
        while process.poll() is None:
            most = max(most, _resident(process.pid))
            if most > LIMIT.value * GIB:
                process.send_signal(signal.SIGKILL)
                process.wait()
                return f"more than {LIMIT.value:g}", 0
            time.sleep(PAUSE)
        if process.returncode:
            said.seek(0)
            print(said.read().decode(errors="replace").strip()[-300:], file=sys.stderr)
            return "failed", 0
    return f"{most / GIB:.1f}", STEPS.value


def _resident(pid: int) -> int:
    """Bytes that a process has had resident at most; 0 once it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    found = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
    return 1024 * int(found[0]) if found else 0


def _prepared(room: Path, count: int) -> Path:
    """A prepared set of made pictures, custom/made, enough for a batch."""
    pictures = room / "pictures"
    pictures.mkdir()
    annotations = annotated(str(pictures), max(count, FEWEST))
    words = [
        *("--name=made", f"--annotations=train={annotations}"),
        *(f"--images={pictures}", f"--out={room / 'data'}"),
    ]
    subprocess.run(
        [sys.executable, "-m", "tfpose", "prepare-dataset", *words],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ,
    )
    return room / "data"
