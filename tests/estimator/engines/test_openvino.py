"""OpenVINO in a process that goes on after it."""

import subprocess
import sys

import pytest

from estimator.engines import openvino

TWO_END = """
import gc, os, signal
from estimator import PoseEstimator

estimator = PoseEstimator("tfpose_detector", engine="openvino", threads=1)
del estimator
gc.collect()
signal.signal(signal.SIGINT, lambda *_: print("told"))
os.kill(os.getpid(), signal.SIGINT)
"""


def test_a_signal_is_heard_after_two_networks_have_ended() -> None:
    pytest.importorskip("openvino")
    ended = subprocess.run([sys.executable, "-c", TWO_END], capture_output=True, text=True)
    assert (ended.returncode, ended.stdout) == (0, "told\n")


def test_a_network_is_pinned_to_no_cpu_core() -> None:
    pytest.importorskip("openvino")
    assert openvino.core().get_property("CPU", "ENABLE_CPU_PINNING") is False
