"""The pages' tables of networks are those that the command writes."""

import re
import shlex
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tfpose.commands import zoo_table

from .conftest import Tfpose

PAGES = ("docs/models.md", "docs/zoo.md")


@pytest.mark.parametrize("page", PAGES)
def test_a_page_has_the_table_that_its_command_writes(
    page: str, tmp_path: Path, tfpose: Tfpose
) -> None:
    if not (ROOT / page).exists():
        pytest.skip("the documentation is not beside these tests")
    text = (ROOT / page).read_text()
    (command,) = re.findall(r"<!-- models: made by `tfpose (.*)` -->", text)
    copy = tmp_path / "page.md"
    copy.write_text(text)
    words = [word for word in shlex.split(command) if not word.startswith("--into=")]
    assert f"--into={page}" in command
    assert tfpose(*words, f"--into={copy}").returncode == 0
    assert copy.read_text() == text


def test_the_documentations_plot_is_what_the_command_draws(tmp_path: Path, tfpose: Tfpose) -> None:
    if not (ROOT / "docs").exists():
        pytest.skip("the documentation is not beside these tests")
    plot = tmp_path / "plot.svg"
    assert tfpose("zoo", f"--plot={plot}").returncode == 0
    assert plot.read_text() == (ROOT / "docs" / "published.svg").read_text()
    for name in ("rtmpose_t", "vitpose_b", "hrnet_w48", "lpn_18"):
        assert f">{name}<" in plot.read_text()


def test_a_page_without_marks_is_refused(tmp_path: Path, tfpose: Tfpose) -> None:
    page = tmp_path / "page.md"
    page.write_text("text")
    ended = tfpose("zoo", f"--into={page}")
    assert ended.returncode == 1
    assert "has no place for the table" in ended.stderr


def test_every_figure_is_of_a_network() -> None:
    known = zoo_table.licences().keys() | zoo_table.ACCURACY.keys() | zoo_table.MILLISECONDS.keys()
    from tfpose.commands import zoo_figures

    assert known <= zoo_figures.read().keys()
    assert zoo_table.licences()["tfpose_s"] == "Apache-2.0, ships"
