from pathlib import Path

import pytest
from absl import logging

from tfpose.commands.training import train

from .conftest import Tfpose


def test_the_command_stops_clearly_and_prints_the_recipe_with_its_overrides(
    tmp_path: Path, tfpose: Tfpose, caplog: pytest.LogCaptureFixture
) -> None:
    unknown = tfpose("train", "--recipe=mine", f"--run={tmp_path}")
    assert unknown.returncode == 2
    assert "lightweight_openpose_half" in unknown.stderr
    before = logging.get_verbosity()
    logging.set_verbosity(logging.INFO)
    try:
        known = tfpose(
            "train",
            "--recipe=lightweight_openpose_half",
            f"--run={tmp_path}/run",
            f"--data_dir={tmp_path}",
            "--optimiser.rate=0.25",
            "--schedule.warmup=7",
        )
    finally:
        logging.set_verbosity(before)
    assert known.returncode == 1
    (recipe,) = (row.getMessage() for row in caplog.records if "recipe" in row.msg)
    assert '"rate": 0.25' in recipe
    assert '"warmup": 7' in recipe
    assert known.stderr.splitlines()[-1].startswith("error: no prepared data set 'coco'")
    assert "Traceback" not in known.stderr


def test_more_gpus_than_there_are_are_refused(tmp_path: Path, tfpose: Tfpose) -> None:
    ended = tfpose("train", "--recipe=finetune", f"--run={tmp_path}/run", "--gpus=99")
    assert ended.returncode == 1
    assert "--gpus=99, and TensorFlow finds" in ended.stderr


def test_so_many_gpus_are_seen_and_the_others_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    import tensorflow as tf

    seen = []
    monkeypatch.setattr(
        tf.config, "list_physical_devices", lambda kind: [f"{kind}:{i}" for i in range(3)]
    )
    monkeypatch.setattr(tf.config, "set_visible_devices", lambda *given: seen.append(given))
    train._choose_gpus(2)
    train._choose_gpus(0)
    assert seen == [(["GPU:0", "GPU:1"], "GPU"), ([], "GPU")]
