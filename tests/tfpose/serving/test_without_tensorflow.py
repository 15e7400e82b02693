import subprocess
import sys

PROGRAM = """
import sys
from importlib.abc import MetaPathFinder

class Refuse(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"tensorflow", "keras", "torch", "scipy", "pycocotools"}:
            raise ImportError(f"{name} must not be needed")

sys.meta_path.insert(0, Refuse())
import tfpose.commands.running.serve
from tfpose.serving import app, server
from importlib.util import find_spec
if find_spec("grpc") is not None:
    from tfpose.serving.prediction import door
print("imported")
"""


def test_the_service_needs_no_tensorflow() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.stdout.strip() == "imported", ended.stderr
