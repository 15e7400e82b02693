"""The notebooks run from their first cell to their last, and are committed without outputs."""

import ast
import json
import sys
import types
from pathlib import Path

import pytest

from tests import printed_commands
from tests.conftest import ROOT

FOLDER = ROOT / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
QUICK_START = FOLDER / "quick_start.ipynb"


def _cells(path: Path) -> list[dict[str, object]]:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    assert isinstance(cells, list)
    return cells


def _code(path: Path) -> list[str]:
    return ["".join(cell["source"]) for cell in _cells(path) if cell["cell_type"] == "code"]  # type: ignore[arg-type]


def test_there_are_three_notebooks_and_a_page_lists_them() -> None:
    assert [path.stem for path in NOTEBOOKS] == [
        "compare_models",
        "quick_start",
        "train_your_own_skeleton",
    ]
    for page in (FOLDER / "README.md", ROOT / "docs" / "notebooks.md"):
        text = page.read_text(encoding="utf-8")
        for path in NOTEBOOKS:
            assert path.name in text, page


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_committed_without_outputs(path: Path) -> None:
    for cell in _cells(path):
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            assert cell["execution_count"] is None


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_first_cell_installs_only_where_the_package_is_missing(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import importlib.util
    import subprocess

    asked: list[list[str]] = []
    monkeypatch.setattr(subprocess, "run", lambda words, check: asked.append(words))
    cell = _code(path)[0]
    exec(cell, {})
    assert not asked
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SystemExit, match="SOURCE"):
        exec(cell, {})
    extra = "" if path == QUICK_START else "[train]"
    for source, wanted in (
        ("git+https://a.example/tfpose", f"tfpose{extra} @ git+https://a.example/tfpose"),
        ("tfpose.whl", f"tfpose.whl{extra}"),
    ):
        exec(cell.replace('SOURCE = ""', f'SOURCE = "{source}"'), {})
        assert asked.pop()[-1] == wanted


def test_the_quick_start_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In one process and without Jupyter, with what is in a fresh clone alone."""
    monkeypatch.chdir(tmp_path)
    display = types.ModuleType("IPython.display")
    shown: list[bytes] = []
    display.Image = shown.append  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", types.ModuleType("IPython"))
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    names: dict[str, object] = {}
    for code in _code(QUICK_START):
        exec(code, names)
    out = capsys.readouterr().out
    assert out.startswith("1 person; ")
    assert out.count(" s  #1  nose at ") == 10
    assert out.endswith("0 rows\n")
    assert len(shown) == 3
    assert all(data.startswith(b"\xff\xd8") for data in shown)


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_in_jupyter(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cell of bash that fails is an error of its cell, and so of the notebook."""
    nbclient = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    for name, value in printed_commands.environment(tmp_path / "bin").items():
        monkeypatch.setenv(name, value)
    place = tmp_path / "here"
    place.mkdir()
    notebook = nbformat.read(path, as_version=4)
    nbclient.NotebookClient(
        notebook, timeout=1800, resources={"metadata": {"path": str(place)}}
    ).execute()
    last = [cell for cell in notebook.cells if cell.cell_type == "code"][-1]
    (output, *_) = last.outputs
    said = output["text"] if "text" in output else output["data"]["text/plain"]
    expected = {
        "quick_start": "0 rows\n",
        "train_your_own_skeleton": " people with head, left_hand",
        "compare_models": "without  AP 0.",
    }
    assert expected[path.stem] in said


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_cell_of_python_is_python(path: Path) -> None:
    for code in _code(path):
        if not code.startswith("%%bash"):
            ast.parse(code)
