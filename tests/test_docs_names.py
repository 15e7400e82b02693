"""The documentation names commands, flags, files and Python names that there are.

Tests elsewhere run commands as printed; this one reads all of them, those too that need a data set,
a device or another machine.
"""

import ast
import importlib
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tfpose import commands

PAGES = sorted((ROOT / "docs").rglob("*.md")) + [
    ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "notebooks/README.md")
]
IDS = [str(page.relative_to(ROOT)) for page in PAGES]
FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
FOLDERS = (
    "augment|deploy|docs|estimator|notebooks|saved_models|scripts|tests|tfpose|web|\\.ci|\\.github"
)
BUILT = ("web/build", "web/dist", "web/node_modules")  # by npm
FORMER = {"docs/lab/default_network.md"}  # a diary keeps the names and flags of its day


def _text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def _prose(page: Path) -> str:
    """A page without its code blocks."""
    return FENCE.sub("", _text(page))


def _blocks(page: Path, *languages: str) -> list[str]:
    return [code for _, language, code in FENCE.findall(_text(page)) if language in languages]


def _lines(page: Path) -> Iterator[str]:
    """Lines of shell: of blocks, of indented blocks, and what stands between backticks."""
    indented = re.findall(r"^    (.*)$", _prose(page), re.MULTILINE)
    for code in [*_blocks(page, "bash", "text", "sh"), "\n".join(indented)]:
        yield from re.sub(r"\\\n\s*", " ", code).splitlines()
    yield from re.findall(r"`(tfpose [^`]+)`", _prose(page).replace("\n", " "))


def _words(line: str) -> list[str]:
    """The words of the `tfpose` command of a line, if it has one."""
    found = re.search(r"(?:^|[\s;&|(])tfpose ([a-z][a-z-]*(?:\s.*)?)$", line)
    if found is None or line.startswith("from "):
        return []
    command = re.split(r"\s[;&|<>]|\s\d>", found[1])[0]
    try:
        return shlex.split(command)
    except ValueError:  # a quote that goes on in the next line
        return command.split()


def _unknown(words: list[str]) -> list[str]:
    """What of a command there is not."""
    name, *arguments = words
    if name not in commands.names():
        return [name]
    if name == "benchmark":  # each benchmark has flags of its own
        return []
    known = commands.get(name).FLAGS
    flags = [one[2:].partition("=")[0] for one in arguments if re.match(r"--[a-z]", one)]
    return [
        flag
        for flag in flags
        if flag not in known and flag.removeprefix("no") not in known and flag != "help"
    ]


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_commands_and_flags_of_a_page_are_there(page: Path) -> None:
    if str(page.relative_to(ROOT)) in FORMER:
        pytest.skip("a diary")
    for line in _lines(page):
        words = _words(line)
        assert not words or not _unknown(words), line


def test_a_command_that_is_not_there_is_found() -> None:
    assert _unknown(_words("tfpose nonsense --model=a")) == ["nonsense"]
    assert _unknown(_words("x=1 tfpose predict --nonsense photo.jpg > a")) == ["nonsense"]
    assert _unknown(_words("tfpose train --optimiser.rate=1 --nodeterministic")) == []
    assert sum(len(_words(line)) > 1 for page in PAGES for line in _lines(page)) > 100


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_files_that_a_page_names_are_there(page: Path) -> None:
    for path in re.findall(rf"`((?:{FOLDERS})/[\w./-]*\w/?)`", _text(page)):
        if path.startswith(BUILT) or page.parent.name == "migration":  # theirs
            continue
        assert (ROOT / path).exists() or list(ROOT.glob(f"{path}.*")), path


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_imports_that_a_page_prints_succeed(page: Path) -> None:
    for code in _blocks(page, "python"):
        for node in ast.walk(ast.parse(code)):
            if isinstance(node, ast.ImportFrom) and node.module is not None:
                if node.module.split(".")[0] not in ("augment", "estimator", "tfpose"):
                    continue
                module = importlib.import_module(node.module)
                for alias in node.names:
                    if not hasattr(module, alias.name):
                        importlib.import_module(f"{node.module}.{alias.name}")
