"""The documentation's site builds strictly, and the migration pages' commands run as printed."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from tests import printed_commands
from tests.conftest import ROOT

PAGES = sorted((ROOT / "docs" / "migration").glob("*.md"))
COMMANDS = sorted({command for page in PAGES for command in printed_commands.commands(page)})
FIRST = "tfpose sample"  # makes what the others read


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty folder in which the first command was run."""
    place = tmp_path_factory.mktemp("migration") / "here"
    place.mkdir()
    run(FIRST, place)
    return place


def run(command: str, place: Path) -> None:
    environment = printed_commands.environment(place.parent / "bin")
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=place,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"


def test_there_are_five_pages_and_each_begins_with_the_samples() -> None:
    assert len(PAGES) == 5
    for page in PAGES:
        assert printed_commands.commands(page)[0] == FIRST, page


@pytest.mark.slow
@pytest.mark.parametrize("command", [one for one in COMMANDS if one != FIRST])
def test_a_command_of_a_migration_page_runs_as_printed(command: str, place: Path) -> None:
    run(command, place)


@pytest.mark.slow
def test_the_site_builds_strictly(tmp_path: Path) -> None:
    """A missing page, a dead link inside the site, or a page outside the menu is an error."""
    if not (importlib.util.find_spec("material") and importlib.util.find_spec("mkdocstrings")):
        pytest.skip("needs the extra [docs]")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-4000:]
    assert (tmp_path / "search" / "search_index.json").is_file()
