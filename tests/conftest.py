"""Golden arrays, and the team's shared folder: present in CI, absent in a user's clone."""

from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
GOLDEN = ROOT / "tests" / "golden"
SHARED = ROOT.parent / "shared"
LONGEST = "test_your_own_data.py"


@pytest.hookimpl(tryfirst=True)  # before `-m` chooses
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest test begins first, so that no worker waits for it at the end; soak is slow."""
    items.sort(key=lambda item: item.path.name != LONGEST)
    for item in items:
        if item.get_closest_marker("soak"):
            item.add_marker("slow")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The shared folder beside the checkout; the test is skipped where there is none."""
    if not SHARED.is_dir():
        pytest.skip("needs the team's shared folder beside the checkout: real weights and data")
    return SHARED


@pytest.fixture
def golden_file(request: pytest.FixtureRequest) -> Callable[[str], Path]:
    """The file of a name: `slices/NAME` is in the repository, `NAME` in the shared folder."""

    def find(name: str) -> Path:
        if name.startswith("slices/"):
            return GOLDEN / f"{name.removeprefix('slices/')}.npz"
        return Path(request.getfixturevalue("shared"), "golden", f"{name}.npz")

    return find
