"""The command that imports weights, in a process of its own."""

import subprocess
import sys
from pathlib import Path


def import_weights(
    model: str, source: Path, out: Path, *flags: str
) -> subprocess.CompletedProcess[str]:
    command = ["-m", "scripts.import_weights", f"--model={model}", f"--source={source}"]
    return subprocess.run(
        [sys.executable, *command, f"--out={out}", *flags],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).resolve().parents[2],
    )
