"""Small files for the commands, right and wrong; `tfpose` runs a command in this process."""

from pathlib import Path

import pytest

from tests.in_process import Ended, Tfpose, tfpose
from tests.tfpose import toy_data

__all__ = ["Ended", "Tfpose", "tfpose"]


@pytest.fixture(scope="session")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small annotated set, and files that are wrong in one way each."""
    folder = tmp_path_factory.mktemp("toy")
    toy_data.write(folder, 3)
    (folder / "broken.json").write_text('{"images": [')
    (folder / "list.json").write_text("[1, 2]")
    (folder / "bad.keras").write_text("no zip")
    (folder / "bad.tflite").write_text("no flatbuffer")
    (folder / "file").write_text("in the way")
    return folder
