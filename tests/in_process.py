"""Commands within the tests' own process, as their users type them."""

import sys
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from absl import logging

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
def tfpose(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Tfpose:
    """`tfpose("evaluate", "--model=...")` runs that command here."""
    handler = logging.get_absl_handler().python_handler
    monkeypatch.setattr(handler, "stream", sys.stderr)  # that of an earlier test is closed

    def call(name: str, *arguments: object) -> Ended:
        capsys.readouterr()
        try:
            code = run.call(commands.get(name), f"tfpose {name}", list(map(str, arguments)))
        finally:
            printed = capsys.readouterr()
        return Ended(returncode=code, stdout=printed.out, stderr=printed.err)

    return call
