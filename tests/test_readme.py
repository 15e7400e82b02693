"""The README's commands, run as printed."""

import contextlib
import shutil
import signal
import subprocess
import time
import urllib.request
from pathlib import Path

import cv2
import numpy as np
import pytest

from estimator import pictures
from tests import printed_commands
from tests.conftest import ROOT

README = ROOT / "README.md"
GUIDE = ROOT / "docs" / "your_own_data.md"
COMMANDS = printed_commands.commands(README)
ELSEWHERE = (
    "pip install -e",
    "ruff check",
    "tfpose serve",
)  # .ci/run; the service's own test below
TRAINING = tuple(command for command in COMMANDS if "toy/" in command)  # run by the guide's test
RUN = [command for command in COMMANDS if not command.startswith(ELSEWHERE)]
RUN = [command for command in RUN if command not in TRAINING]
FEWER = {  # flags that shorten a command's minutes; the soak suite runs it without
    "tfpose evaluate": "--subset=8 --draws=20",
    "tfpose export": "--calibration_count=8 --picture_count=2 --force",
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that the commands name, in the place of a checkout."""
    place = tmp_path_factory.mktemp("readme") / "checkout"
    for folder in ("holiday", "more/deep"):
        (place / folder).mkdir(parents=True)
    shutil.copy(pictures.SAMPLE, place / "photo.jpg")
    picture = cv2.resize(pictures.read(pictures.SAMPLE), (320, 240))
    for name in ("holiday/a.png", "more/deep/b.png"):
        cv2.imwrite(str(place / name), picture[..., ::-1])
    film = cv2.VideoWriter(str(place / "walk.mp4"), cv2.VideoWriter.fourcc(*"mp4v"), 10, (320, 240))
    for shift in range(6):
        film.write(np.roll(picture, shift, axis=1)[..., ::-1])
    film.release()
    if (shared := ROOT.parent / "shared").is_dir():
        (place.parent / "shared").symlink_to(shared)
    return place


def _needs_shared(command: str) -> bool:
    made = ("--model=pose.tflite", "--model=pose_int8.tflite")  # by commands that need it
    return "../shared" in command or any(model in command for model in made)


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
    if _needs_shared(command) and not (place.parent / "shared").exists():
        pytest.skip("needs the team's shared folder beside the checkout: real weights and data")
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
