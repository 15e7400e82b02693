"""Fixtures: the folder shared with the team, present here and in CI, absent in a user's clone."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """The shared folder beside the checkout; the test is skipped where there is none."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip("needs the team's shared folder beside the checkout: real weights and data")
    return folder
