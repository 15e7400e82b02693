"""The commands and programs of README and quick start, run as printed."""

import contextlib
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from tests import printed_commands
from tests.conftest import ROOT
from tfpose import commands as tfpose_commands

README = ROOT / "README.md"
QUICK_START = ROOT / "docs" / "quick_start.md"
GUIDE = ROOT / "docs" / "your_own_data.md"
COMMANDS = printed_commands.commands(QUICK_START)
ELSEWHERE = (
    "tfpose serve",
    "tfpose weights human",
)  # the service's own test below; a public server
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
def test_the_quick_starts_commands_run_as_printed(place: Path) -> None:
    """In the page's order: later commands read what earlier ones wrote."""
    assert len(RUN) >= 10
    for command in RUN:
        printed_commands.run(" ".join([command, *_fewer(command)]), place)


@pytest.mark.soak
def test_the_quick_starts_commands_run_whole(place: Path) -> None:
    for command in RUN:
        printed_commands.run(command, place)


def _fewer(command: str) -> list[str]:
    return [flags for start, flags in FEWER.items() if command.startswith(start)]


def test_the_readme_prints_the_commands_that_ci_runs() -> None:
    """`.ci/run` installs `.[dev,docs]`, and has the second command's parts as steps."""
    install, checks, sample = printed_commands.commands(README)
    assert install == 'pip install -e ".[dev]" && tfpose predict'
    assert sample in COMMANDS
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "pip install -q -e" in script
    for part in checks.split(" && "):
        assert part.replace("pytest", "pytest -q") in script or part in script


def test_the_readme_is_short() -> None:
    assert len(README.read_text(encoding="utf-8").splitlines()) < 120


@pytest.mark.slow
@pytest.mark.parametrize("page", [README, QUICK_START], ids=lambda page: page.name)
def test_a_program_of_the_page_runs_as_printed(page: Path, place: Path) -> None:
    """On the samples of the page's own command."""
    if not (place / "sample").is_dir():
        printed_commands.run("tfpose sample", place)
    (code,) = printed_commands.programs(page)
    environment = printed_commands.environment(place.parent / "bin")
    ran = subprocess.run(
        [sys.executable, "-c", code],
        cwd=place,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("Person(score 0.")


def test_the_readmes_table_names_commands_and_flags_that_there_are() -> None:
    text = README.read_text(encoding="utf-8")
    rows = re.findall(r"^\| [^|]+ \| `tfpose ([^`]+)` \| \[[^|]+\]\((\S+)\) \|$", text, re.M)
    assert len(rows) > 10
    for words, page in rows:
        assert (ROOT / page).is_file()
        name, *arguments = words.split()
        known = tfpose_commands.get(name).FLAGS
        assert not [
            one for one in arguments if one[:2] == "--" and one[2:].split("=")[0] not in known
        ]


def test_the_training_commands_of_the_quick_start_are_the_guides_which_are_run() -> None:
    printed = printed_commands.commands(GUIDE)
    assert len(TRAINING) == 4
    for command in TRAINING:
        assert command in printed


def test_no_printed_command_needs_a_folder_that_only_we_have() -> None:
    pages = [README, *sorted((ROOT / "docs").rglob("*.md"))]
    assert len(pages) > 10
    for page in pages:
        for command in printed_commands.commands(page):
            assert "shared" not in command, f"{page.name}: {command}"


def test_the_quick_start_names_every_kind_of_command() -> None:
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
