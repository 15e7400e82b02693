import resource
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from estimator import files
from tfpose.weights.checkpoints import BEST, MANIFEST, Checkpoints, read, restore, restore_some


def variables(value: float) -> dict[str, tf.Variable]:
    return {
        "weights:stage.1/kernel": tf.Variable(tf.fill([2, 3], value)),
        "updates": tf.Variable(int(value), dtype=tf.int64),
    }


def numbers() -> tf.data.Dataset:
    return tf.data.Dataset.range(100).shuffle(10, seed=1).repeat()


def saved(store: Checkpoints, *steps: int) -> None:
    for step in steps:
        store.save(step, variables(step), iter(numbers()), {"best": step / 2})


def test_nothing_is_restored_from_nothing(tmp_path: Path) -> None:
    assert Checkpoints(tmp_path / "none").newest() is None


def test_variables_iterator_and_notes_come_back(tmp_path: Path) -> None:
    store, iterator = Checkpoints(tmp_path), iter(numbers())
    for _ in range(7):
        next(iterator)
    store.save(7, variables(7), iterator, {"best": 0.5, "random": [1, 2]})
    following = [int(next(iterator)) for _ in range(20)]
    checkpoint, new, other = store.newest(), variables(0), iter(numbers())
    assert checkpoint is not None
    assert (checkpoint.step, checkpoint.notes) == (7, {"best": 0.5, "random": [1, 2]})
    restore(checkpoint, new, other)
    assert [int(next(other)) for _ in range(20)] == following
    assert new["weights:stage.1/kernel"].numpy().tolist() == [[7] * 3] * 2
    assert int(new["updates"]) == 7


def test_the_newest_stay_and_the_best_besides(tmp_path: Path) -> None:
    store = Checkpoints(tmp_path, keep=2)
    store.mark_best(store.save(1, variables(1), None, {}))
    saved(store, 2, 3, 4)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["000000003", "000000004", BEST]
    part = {"updates": tf.Variable(0, dtype=tf.int64)}
    best = next(iter(Checkpoints(tmp_path).whole()))
    assert best.step == 4
    restore_some(read(tmp_path / BEST), part)
    assert int(part["updates"]) == 1


@pytest.mark.parametrize("harm", ["truncate", "flip", "delete", "manifest"])
def test_a_damaged_newest_falls_back_to_the_one_before_and_says_so(
    tmp_path: Path, harm: str, caplog: pytest.LogCaptureFixture
) -> None:
    store = Checkpoints(tmp_path)
    saved(store, 1, 2)
    newest = tmp_path / "000000002"
    data = newest / (MANIFEST if harm == "manifest" else "state.data-00000-of-00001")
    content = data.read_bytes()
    if harm == "delete":
        data.unlink()
    elif harm == "flip":
        data.write_bytes(bytes([content[0] ^ 1]) + content[1:])
    else:
        data.write_bytes(content[: len(content) // 2])
    with caplog.at_level("WARNING", logger="absl"):
        found = store.newest()
    assert found is not None
    assert found.step == 1
    assert "skipped a damaged checkpoint" in caplog.text
    assert str(newest) in caplog.text


def test_no_whole_one_among_several_is_refused(tmp_path: Path) -> None:
    store = Checkpoints(tmp_path)
    saved(store, 1)
    (tmp_path / "000000001" / MANIFEST).unlink()
    with pytest.raises(ValueError, match="none of the 1 checkpoints"):
        store.newest()


def test_a_full_disk_leaves_what_was_there(tmp_path: Path) -> None:
    """A limit on the size of files stands for the disk: the data file cannot be written whole."""
    store = Checkpoints(tmp_path)
    saved(store, 1)
    large = {"updates": tf.Variable(np.random.default_rng(0).normal(size=(1 << 20)))}
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, limits[1]))
    try:
        with pytest.raises(OSError, match=r"could not write|File too large"):
            store.save(2, large, None, {})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [path.name for path in tmp_path.iterdir()] == ["000000001"]
    newest = store.newest()
    assert newest is not None
    assert newest.step == 1


def test_what_a_killed_process_left_half_written_is_not_a_checkpoint(tmp_path: Path) -> None:
    store = Checkpoints(tmp_path)
    saved(store, 1)
    files.Whole(tmp_path / "000000002").partial.mkdir()
    newest = store.newest()
    assert newest is not None
    assert newest.step == 1
    saved(store, 2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["000000001", "000000002"]


def test_a_checkpoint_of_another_model_is_refused_and_nothing_changes(tmp_path: Path) -> None:
    store = Checkpoints(tmp_path)
    saved(store, 3)
    newest, other = store.newest(), variables(0)
    assert newest is not None
    other["weights:stage.1/kernel"] = tf.Variable(tf.zeros([2, 4]))
    other["weights:head/kernel"] = tf.Variable(0.0)
    with pytest.raises(ValueError, match=r"another model or recipe.*head/kernel.*\[2, 3\] there"):
        restore(newest, other, None)
    assert int(other["updates"]) == 0
