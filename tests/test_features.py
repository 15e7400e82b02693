"""docs/features.md names commands, flags and tests that there are."""

import re

import pytest

from tests.conftest import ROOT
from tfpose import commands

ROWS = re.findall(
    r"^\| [^|]+ \| `tfpose ([^`]+)` \| (\S+) \|$",
    (ROOT / "docs" / "features.md").read_text(encoding="utf-8"),
    re.MULTILINE,
)


def test_every_row_is_understood() -> None:
    text = (ROOT / "docs" / "features.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| ") and "|---" not in line]
    assert len(ROWS) == len([line for line in rows if not line.startswith("| feature")]) > 30


@pytest.mark.parametrize(("words", "test"), ROWS)
def test_a_row_names_what_there_is(words: str, test: str) -> None:
    assert (ROOT / test).is_file()
    name, *flags = words.split()
    module = commands.get(name)
    for flag in flags:
        if flag.startswith("--"):
            known = flag[2:].partition("=")[0]
            assert known in module.FLAGS or f"no{known}" in module.FLAGS
