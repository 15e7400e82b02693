"""Two trainers and two data workers, as the commands start them; one of each dies."""

import contextlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.tfpose import toy_data
from tests.tfpose.training.test_train_replicas import free_ports, losses

PATIENCE = 900  # seconds, on a busy machine


class Processes:
    """Commands of one folder, each with its output in a file."""

    def __init__(self, folder: Path, stack: contextlib.ExitStack) -> None:
        self.folder, self._stack, self._count = folder, stack, 0

    def start(self, *command: str, cluster: object = None) -> "subprocess.Popen[bytes]":
        self._count += 1
        output = self._stack.enter_context((self.folder / f"{self._count}.log").open("wb"))
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        if cluster is not None:
            environment["TF_CONFIG"] = json.dumps(cluster)
        process = subprocess.Popen(
            [sys.executable, "-m", "tfpose", *command],
            cwd=self.folder,
            stdout=output,
            stderr=output,
            env=environment,
        )
        self._stack.callback(process.wait)
        self._stack.callback(process.kill)
        return process

    def told(self) -> str:
        return "".join(path.read_text(errors="replace") for path in self.folder.glob("*.log"))


def _wait_for_rows(
    run: Path, number: int, trainer: "subprocess.Popen[bytes]", told: object
) -> None:
    end = time.monotonic() + PATIENCE
    while not (run / "log.csv").is_file() or len(losses(run)) < number:
        assert trainer.poll() is None, told
        assert time.monotonic() < end
        time.sleep(0.1)


@pytest.mark.soak
def test_a_data_worker_and_a_trainer_die_and_training_goes_on(tmp_path: Path) -> None:
    toy_data.write(tmp_path, images=60)
    run = tmp_path / "run"
    dispatcher, first, second, *trainers = free_ports(5)
    with contextlib.ExitStack() as stack:
        processes = Processes(tmp_path, stack)
        prepared = processes.start(
            *("prepare-dataset", "--name=toy", "--annotations=toy.json", "--images=pictures"),
            *("--skeleton=skeleton.json", "--out=data"),
        )
        assert prepared.wait(PATIENCE) == 0, processes.told()
        service = f"127.0.0.1:{dispatcher}"
        processes.start(
            *("data-worker", "--role=dispatcher", f"--port={dispatcher}", "--work_dir=journal")
        )
        workers = [
            processes.start(
                *("data-worker", "--role=worker", f"--dispatcher={service}"),
                *("--host=127.0.0.1", f"--port={port}"),
            )
            for port in (first, second)
        ]

        def train(steps: int) -> list["subprocess.Popen[bytes]"]:
            addresses = [f"127.0.0.1:{port}" for port in trainers]
            return [
                processes.start(
                    *("train", "--recipe=finetune", "--dataset=custom/toy", "--data_dir=data"),
                    *("--skeleton=skeleton.json", f"--run={run}", f"--steps={steps}", "--batch=4"),
                    *("--height=96", "--width=96", f"--data_service={service}", "--log_every=1"),
                    *("--checkpoint_every=4", "--validate_every=0", "--image_every=0"),
                    cluster={
                        "cluster": {"worker": addresses},
                        "task": {"type": "worker", "index": index},
                    },
                )
                for index in range(2)
            ]

        one, other = train(100_000)
        _wait_for_rows(run, 8, one, processes.told())
        workers[0].kill()
        _wait_for_rows(run, 16, one, processes.told())
        other.kill()
        assert one.wait(PATIENCE) == 1
        steps = len(losses(run)) + 4
        both = train(steps)
        assert [trainer.wait(PATIENCE) for trainer in both] == [0, 0], processes.told()
        assert len(losses(run)) == steps
