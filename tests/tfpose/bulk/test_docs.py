"""The three readers of docs/bulk.md, as printed."""

import re
from pathlib import Path

import pytest

from estimator import pictures
from estimator.pose_estimator import PoseEstimator
from tests.conftest import ROOT
from tfpose.bulk import plan, progress, work
from tfpose.bulk.job import Job

pytest.importorskip("pyarrow", reason="needs pyarrow (the extra [beam])")
READERS = ("pandas", "duckdb", "tensorflow")
CODE = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "bulk.md").read_text(), re.DOTALL)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with out/poses-*.parquet: a picture with people, one without, and a broken one."""
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.jpg").write_bytes(pictures.SAMPLE.read_bytes())
    (folder / "b.jpg").write_bytes(b"broken")
    job = Job(
        output=str(tmp_path / "out" / "poses"),
        model="tfpose_s",
        height=128,
        second_look="off",
        most=1,
    )
    made = plan.make([str(folder)], most=job.most, reading=job.reading)
    estimator: PoseEstimator = job.estimator()
    for shard in progress.begin(job, made):
        work.do(job, shard, estimator)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(("package", "code"), list(zip(READERS, CODE, strict=True)))
def test_the_output_is_read_in_three_lines(package: str, code: str, place: Path) -> None:
    pytest.importorskip(package, reason=f"needs {package}")
    assert package in code
    assert len(code.split("\n\n")) == 2  # imports, and
    assert len([line for line in code.splitlines() if line]) == 3
    found: dict[str, object] = {}
    exec(code, found)
    if package == "tensorflow":
        rows = list(found["dataset"])  # type: ignore[call-overload]
        assert rows[0].shape[1] == 4
        assert len(rows) == 2
        assert len(rows[1]) == 0
    if package == "pandas":
        assert len(found["table"]) == 2  # type: ignore[arg-type]
    if package == "duckdb":
        import duckdb

        (source, box), *_ = duckdb.sql(str(found["query"])).fetchall()
        assert source.endswith("a.jpg")
        assert len(box) == 4
