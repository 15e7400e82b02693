"""The README's commands, run as printed."""

import contextlib
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from tests import printed_commands
from tests.conftest import ROOT

README = ROOT / "README.md"
GUIDE = ROOT / "docs" / "your_own_data.md"
COMMANDS = printed_commands.commands(README)
ELSEWHERE = (
    "pip install -e",
    "ruff check",
    "tfpose serve",
    "tfpose weights human",
)  # .ci/run; the service's own test below; a public server
TRAINING = tuple(command for command in COMMANDS if "toy/" in command)  # run by the guide's test
RUN = [command for command in COMMANDS if not command.startswith(ELSEWHERE)]
RUN = [command for command in RUN if command not in TRAINING]
FEWER = {  # flags that shorten a command's minutes; the soak suite runs it without
    "tfpose evaluate": "--subset=8 --draws=20",
    "tfpose export": "--calibration_count=8 --picture_count=2 --force",
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty folder in the place of a fresh public clone: nothing lies beside it.

    What `tfpose weights` would download is there, in the published layout with random weights.
    """
    place = tmp_path_factory.mktemp("readme") / "checkout"
    place.mkdir()
    made = [sys.executable, "-m", "tests.tfpose.intel_weights", str(place / "weights")]
    subprocess.run(made, cwd=ROOT, check=True, capture_output=True, timeout=300)
    return place


@pytest.mark.slow
@pytest.mark.parametrize("command", RUN, ids=lambda command: command[:50])
def test_a_command_of_the_readme_runs_as_printed(command: str, place: Path) -> None:
    """In the README's order: later commands read what earlier ones wrote."""
    _run(" ".join([command, *_fewer(command)]), place)


@pytest.mark.soak
@pytest.mark.parametrize("command", RUN, ids=lambda command: command[:50])
def test_a_command_of_the_readme_runs_whole(command: str, place: Path) -> None:
    _run(command, place)


def _fewer(command: str) -> list[str]:
    return [flags for start, flags in FEWER.items() if command.startswith(start)]


def _run(command: str, place: Path) -> None:
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        cwd=place,
        env=printed_commands.environment(place.parent / "bin"),
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert ran.returncode == 0, f"{command}\n{ran.stdout}\n{ran.stderr}"


def test_the_training_commands_of_the_readme_are_the_guides_which_are_run() -> None:
    printed = printed_commands.commands(GUIDE)
    assert len(TRAINING) == 4
    for command in TRAINING:
        assert command in printed


def test_no_printed_command_needs_a_folder_that_only_we_have() -> None:
    pages = [README, *sorted((ROOT / "docs").glob("*.md"))]
    assert len(pages) > 10
    for page in pages:
        for command in printed_commands.commands(page):
            assert "shared" not in command, f"{page.name}: {command}"


def test_the_readme_names_every_kind_of_command() -> None:
    programs = {command.split()[1] for command in COMMANDS if command.startswith("tfpose ")}
    assert {"predict", "zoo", "import-weights", "evaluate", "export", "serve"} <= programs
    assert not [command for command in COMMANDS if "scripts." in command]


@pytest.mark.slow
def test_the_service_starts_as_printed_and_ends(place: Path) -> None:
    (command,) = (command for command in COMMANDS if command.startswith("tfpose serve"))
    process = subprocess.Popen(
        ["bash", "-c", f"exec {command} --port=0"],
        cwd=place,
        env=printed_commands.environment(place.parent / "bin"),
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    try:
        line = next(row for row in process.stderr if "running on" in row)
        address = line.split("running on ")[1].split()[0].strip('",')
        for _ in range(100):
            with contextlib.suppress(OSError):
                assert urllib.request.urlopen(f"{address}/v1/models", timeout=10).status == 200
                break
            time.sleep(0.1)
        else:
            pytest.fail(f"nobody answers at {address}")
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        process.stderr.close()
