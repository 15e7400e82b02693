"""docs/quickstart.ipynb runs from its first cell to its last."""

import json
import sys
import types
from pathlib import Path

import pytest

from ..conftest import ROOT

NOTEBOOK = ROOT / "docs/quickstart.ipynb"


def test_the_notebook_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In one process and without Jupyter, with what is in a fresh clone alone."""
    if not NOTEBOOK.exists():
        pytest.skip("the documentation is not beside these tests")
    monkeypatch.chdir(tmp_path)
    display = types.ModuleType("IPython.display")
    shown: list[bytes] = []
    display.Image = shown.append
    monkeypatch.setitem(sys.modules, "IPython", types.ModuleType("IPython"))
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    names: dict[str, object] = {}
    cells = json.loads(NOTEBOOK.read_text())["cells"]
    for cell in cells:
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), names)
            assert not cell["outputs"], "clear the outputs before committing"
    out = capsys.readouterr().out
    assert out.startswith("1 person; ")
    assert out.count(" s  #1  nose at ") == 10
    assert out.endswith("0 rows\n")
    assert len(shown) == 3
    assert all(data.startswith(b"\xff\xd8") for data in shown)


@pytest.mark.slow
def test_the_notebook_runs_in_jupyter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nbclient = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    client = nbclient.NotebookClient(
        notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute()
    last = [cell for cell in notebook.cells if cell.cell_type == "code"][-1]
    assert last.outputs[0].text == "0 rows\n"
