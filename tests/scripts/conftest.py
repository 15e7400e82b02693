"""Commands within the tests' own process, as their users type them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.tfpose import toy_data
from tfpose import commands
from tfpose.commands import run


@dataclass(frozen=True, kw_only=True)
class Ended:
    """What a command left behind."""

    returncode: int
    stdout: str
    stderr: str


Tfpose = Callable[..., Ended]


@pytest.fixture
def tfpose(capsys: pytest.CaptureFixture[str]) -> Tfpose:
    """`tfpose("evaluate", "--model=...")` runs that command here."""

    def call(name: str, *arguments: object) -> Ended:
        capsys.readouterr()
        try:
            code = run.call(commands.get(name), f"tfpose {name}", list(map(str, arguments)))
        finally:
            printed = capsys.readouterr()
        return Ended(returncode=code, stdout=printed.out, stderr=printed.err)

    return call


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
