"""A shard's work, without Beam: rows, failures, and being killed at every write."""

import itertools
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from estimator import pictures
from estimator.pose_estimator import PoseEstimator, model_path
from tests.tfpose.bulk import made_containers
from tfpose.bulk import cost, plan, progress, rows, storage, work
from tfpose.bulk.containers import Reading
from tfpose.bulk.job import FORMATS, Counts, Job

SMALL = {"model": "tfpose_s", "height": 128, "second_look": "off"}  # a picture takes a moment


@pytest.fixture(scope="module")
def estimator() -> PoseEstimator:
    return PoseEstimator(threads=1, **SMALL)  # type: ignore[arg-type]


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A zip of five pictures with a person, without one, and broken in two ways."""
    sample = pictures.SAMPLE.read_bytes()
    members = made_containers.pictures(2)
    members = {"a.jpg": sample, "b.jpg": sample[:5000], **members, "z.jpg": b"no picture"}
    return made_containers.zipped(tmp_path / "set.zip", members)


def _job(folder: Path, **options: Any) -> Job:
    return Job(output=str(folder / "out" / "poses"), most=2, **{**SMALL, **options})


def _do_all(job: Job, made: plan.Plan, estimator: PoseEstimator) -> Counts:
    for shard in progress.begin(job, made):
        work.do(job, shard, estimator)
    return progress.counts_of(job, made.shards)


def _content(folder: Path) -> dict[str, bytes]:
    """Every file of the output and its bytes."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted((folder / "out").rglob("*"))
        if path.is_file()
    }


def test_rows_are_what_the_estimator_says(archive: Path, tmp_path: Path, estimator: Any) -> None:
    job = _job(tmp_path, form="jsonl")
    made = plan.make([str(archive)], most=2, reading=job.reading)
    found = [row for shard in made.shards for row in work.estimate(job, shard, estimator)]
    assert [row.number for row in found] == [0, 1, 2, 3, 4]
    alone = estimator.read(pictures.SAMPLE)
    assert len(alone) > 0
    assert found[0].poses is not None
    np.testing.assert_allclose(found[0].poses.xy, alone.xy, atol=1e-4)
    assert (found[0].height, found[0].width) == pictures.read(pictures.SAMPLE).shape[:2]
    assert [row.kind for row in found] == ["", "decode", "", "", "decode"]
    assert "cut off" in found[1].error
    assert found[1].source == f"{archive}!set/b.jpg"


@pytest.mark.parametrize("form", FORMATS)
def test_every_failure_is_in_the_dead_letters_and_counted(
    form: str, archive: Path, tmp_path: Path, estimator: Any
) -> None:
    if form == "parquet":
        pytest.importorskip("pyarrow", reason="needs pyarrow (the extra [beam])")
    job = _job(tmp_path, form=form)
    counts = _do_all(job, plan.make([str(archive)], most=2, reading=job.reading), estimator)
    assert (counts.pictures, counts.failed) == (5, {"decode": 2})
    assert counts.people == len(estimator.read(pictures.SAMPLE)) > 0
    letters = [
        json.loads(line)
        for path in sorted((tmp_path / "out").glob("*.failed.jsonl"))
        for line in path.read_text().splitlines()
    ]
    assert [letter["number"] for letter in letters] == [1, 4]
    assert {letter["source"] for letter in letters} == {
        f"{archive}!set/b.jpg",
        f"{archive}!set/z.jpg",
    }
    assert all(letter["error"] for letter in letters)


class _KilledError(BaseException):
    """Nothing catches it, as nothing catches SIGKILL."""


@pytest.fixture
def killing(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Its number counts down with every write or removal; at 0 the process would die before it."""
    left = [10**9]

    def deadly(name: str) -> None:
        usual = getattr(storage, name)

        def call(*arguments: Any) -> Any:
            left[0] -= 1
            if left[0] == 0:
                raise _KilledError
            return usual(*arguments)

        monkeypatch.setattr(storage, name, call)

    for name in ("write", "remove"):
        deadly(name)
    yield left
    left[0] = 10**9


@pytest.mark.parametrize("form", ["jsonl", "coco"])
def test_killed_before_any_write_and_run_again_the_output_is_the_same(
    form: str, archive: Path, tmp_path: Path, estimator: Any, killing: list[int]
) -> None:
    whole = _job(tmp_path / "whole", form=form)
    made = plan.make([str(archive)], most=2, reading=whole.reading)
    _do_all(whole, made, estimator)
    for kills in itertools.count():
        folder = tmp_path / str(kills)
        killing[0] = kills + 1
        try:
            _do_all(_job(folder, form=form), made, estimator)
        except _KilledError:
            killing[0] = 10**9
            counts = _do_all(_job(folder, form=form), made, estimator)
            assert _content(folder) == _content(tmp_path / "whole")
            assert counts.pictures == 5
            continue
        break
    assert kills == 2 + 3 * 3  # the plan and its options; dead letters, output and mark of 3 shards


def test_another_job_is_refused_and_the_same_one_has_nothing_to_do(
    archive: Path, tmp_path: Path, estimator: Any
) -> None:
    job = _job(tmp_path, form="jsonl")
    made = plan.make([str(archive)], most=2, reading=job.reading)
    _do_all(job, made, estimator)
    assert progress.begin(job, made) == []
    assert progress.finished(job) == len(made.shards) == 3
    with pytest.raises(ValueError, match=r"min_score: 0\.0, now 0\.5"):
        progress.begin(replace(job, min_score=0.5), made)
    more = plan.make([str(archive), str(pictures.SAMPLE)], most=2, reading=job.reading)
    with pytest.raises(ValueError, match="pictures: 5, now 6"):
        progress.begin(job, more)
    assert progress.redo_failed(job, made) == 2
    assert len(progress.begin(job, made)) == 2


def test_rows_of_another_reader_are_another_job_s(archive: Path, tmp_path: Path) -> None:
    """By its content, so that an upgrade of the package does not mix two editions in one output."""
    reader = tmp_path / "mine.tflite"
    reader.write_bytes(model_path("tfpose_person_nano").read_bytes())
    job = _job(tmp_path, form="jsonl", second_look="auto", reader=str(reader))
    made = plan.make([str(archive)], most=2, reading=job.reading)
    progress.begin(job, made)
    assert len(progress.begin(job, made)) == 3
    with pytest.raises(ValueError, match=r"reader: .*mine.tflite', now ''; reader_sha256: "):
        progress.begin(replace(job, reader=""), made)
    reader.write_bytes(model_path("tfpose_person").read_bytes())
    with pytest.raises(ValueError, match=r"options or pictures \(reader_sha256: "):
        progress.begin(job, made)


def test_a_mended_file_is_done_again_and_another_one_is_refused(
    tmp_path: Path, estimator: Any
) -> None:
    sample = pictures.SAMPLE.read_bytes()
    folder = made_containers.laid(
        tmp_path / "in", {f"{name}.jpg": sample for name in "abcd"} | {"b.jpg": sample[:900]}
    )
    job = _job(tmp_path, form="jsonl")

    def listed() -> plan.Plan:
        return plan.make([str(folder)], most=2, reading=job.reading)

    assert _do_all(job, listed(), estimator).failed == {"decode": 1}
    (folder / "b.jpg").write_bytes(sample)
    with pytest.raises(ValueError, match="plan_sha256"):
        progress.begin(job, listed())
    (first,) = progress.begin(job, listed(), mended=True)
    assert first.index == 0
    work.do(job, job.shard_at(listed().places_of([first])[0]), estimator)
    assert progress.begin(job, listed()) == []
    assert not progress.counts_of(job, listed().shards).failed
    (folder / "b.jpg").rename(folder / "e.jpg")
    with pytest.raises(ValueError, match="names_sha256"):
        progress.begin(job, listed(), mended=True)


def test_an_object_store_gets_the_same_files(archive: Path, tmp_path: Path, estimator: Any) -> None:
    fsspec = pytest.importorskip("fsspec", reason="needs fsspec (the extra [beam])")
    system = fsspec.filesystem("memory")
    system.pipe_file("/bulk/in/set.zip", archive.read_bytes())
    job = replace(_job(tmp_path, form="jsonl"), output="memory://bulk/out/poses")
    made = plan.make(["memory://bulk/in/*.zip"], most=2, reading=job.reading)
    try:
        counts = _do_all(job, made, estimator)
        there = {name.rpartition("/")[2] for name in system.ls("/bulk/out", detail=False)}
    finally:
        system.rm("/bulk", recursive=True)
    assert counts.pictures == 5
    assert {f"poses-0000{index}-of-00003.jsonl" for index in range(3)} <= there
    assert not [name for name in there if "partial" in name]


def test_a_container_that_is_gone_fails_picture_by_picture(
    archive: Path, tmp_path: Path, estimator: Any
) -> None:
    job = _job(tmp_path, form="jsonl")
    made = plan.make([str(archive)], most=2, reading=job.reading)
    archive.unlink()
    counts = _do_all(job, made, estimator)
    assert counts == Counts(pictures=5, failed={"read": 5})


def test_limits_of_people(archive: Path, tmp_path: Path, estimator: Any) -> None:
    job = _job(tmp_path, form="jsonl", min_score=1e6)
    made = plan.make([str(archive)], most=2, reading=job.reading)
    assert _do_all(job, made, estimator).people == 0


def test_the_parquet_file_has_typed_columns_and_the_same_numbers(
    archive: Path, tmp_path: Path, estimator: Any
) -> None:
    pytest.importorskip("pyarrow", reason="needs pyarrow (the extra [beam])")
    import pyarrow.parquet as pq

    job = _job(tmp_path)
    made = plan.make([str(archive)], most=2, reading=job.reading)
    _do_all(job, made, estimator)
    table = pq.read_table(sorted((tmp_path / "out").glob("*.parquet")))
    kinds = {field.name: str(field.type) for field in table.schema}
    assert kinds["keypoints"].startswith("list<")
    assert "fixed_size_list" in kinds["keypoints"]
    assert kinds["number"] == "int64"
    about = json.loads(table.schema.metadata[rows.METADATA.encode()])
    assert about["keypoints"] == list(estimator.spec.skeleton.keypoints)
    first, cut, nobody = table.slice(0, 3).to_pylist()
    alone = estimator.read(pictures.SAMPLE)
    xy = np.array(first["keypoints"], np.float32).reshape(alone.xy.shape)
    np.testing.assert_allclose(xy, alone.xy, atol=1e-4)
    np.testing.assert_allclose(np.array(first["scores"]), alone.score, atol=1e-6)
    assert (cut["error_kind"], cut["people"], cut["keypoints"]) == ("decode", None, [])
    assert (nobody["error"], nobody["people"]) == (None, 0)


def test_coco_results_name_the_picture(archive: Path, tmp_path: Path, estimator: Any) -> None:
    job = _job(tmp_path, form="coco")
    made = plan.make([str(archive)], most=9, reading=job.reading)
    _do_all(job, made, estimator)
    (path,) = (tmp_path / "out").glob("*.json")
    result, *others = json.loads(path.read_text())
    assert len(others) == len(estimator.read(pictures.SAMPLE)) - 1
    assert result["image_id"] == 0
    assert result["file"] == f"{archive}!set/a.jpg"
    assert len(result["keypoints"]) == 17 * 3


def test_the_cost_of_a_job_is_counted_from_a_sample(archive: Path, tmp_path: Path) -> None:
    job = _job(tmp_path, form="jsonl")
    made = plan.make([str(archive)], most=2, reading=job.reading)
    found = cost.estimate(job, made, sample=4)
    assert (found.pictures, found.shards, found.sample) == (5, 3, 4)
    assert 1 <= found.failed <= 2
    assert found.seconds > 0
    assert found.hours(2) == pytest.approx(found.seconds * 5 / 3600 / 2)
    assert "5 pictures in 3 shards" in str(found)


def test_a_plan_is_the_same_every_time_and_says_what_it_passed_over(tmp_path: Path) -> None:
    folder = made_containers.laid(tmp_path / "in", made_containers.pictures())
    (folder / "notes.txt").write_text("no picture")
    made_containers.zipped(folder / "b.zip", made_containers.pictures(3))
    one, again = (plan.make([str(folder)], most=4, reading=Reading()) for _ in range(2))
    assert one.text() == again.text()
    assert one.fingerprint == again.fingerprint
    assert (one.count, one.passed_over) == (14, 1)
    assert [plan.Shard.of_line(line) for line in one.text().splitlines()] == list(one.shards)
    for shard, (start, length) in zip(one.shards, one.places(), strict=True):
        assert plan.Shard.of_line(one.text()[start : start + length]) == shard
    (folder / "003.png").write_bytes(b"another size")
    assert plan.make([str(folder)], most=4, reading=Reading()).fingerprint != one.fingerprint


def test_a_picture_given_twice_is_there_once(tmp_path: Path) -> None:
    folder = made_containers.laid(tmp_path / "in", made_containers.pictures(3))
    made = plan.make([str(folder), f"{folder}/*.png"], most=4, reading=Reading())
    assert made.count == 3


def test_inputs_without_pictures_are_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no picture")
    with pytest.raises(FileNotFoundError, match="no pictures in"):
        plan.make([str(tmp_path)], most=4, reading=Reading())
    with pytest.raises(FileNotFoundError, match="no files at"):
        plan.make([str(tmp_path / "*.zip")], most=4, reading=Reading())
