"""What is read of the processor."""

from pathlib import Path

import pytest

from estimator.engines import cpu

LISTS = {
    "flags\t\t: fpu avx2 fma\nbogomips: 1\nflags\t\t: fpu avx512_vnni\n": {"fpu", "avx2", "fma"},
    "processor: 0\nFeatures: fp asimd\n": set(),
    "": set(),
}


@pytest.mark.parametrize("text", LISTS)
def test_the_first_processors_flags_count(text: str, tmp_path: Path) -> None:
    path = tmp_path / "cpuinfo"
    path.write_text(text)
    assert cpu.flags(path) == LISTS[text]


def test_without_a_list_nothing_is_known(tmp_path: Path) -> None:
    assert cpu.flags(tmp_path / "none") == frozenset()


@pytest.mark.parametrize(
    ("machine", "flags", "lacks", "may_lack"),
    [
        ("x86_64", {"avx2"}, True, True),
        ("x86_64", {"avx2", "avx512_vnni"}, False, False),
        ("x86_64", {"avx2", "avx_vnni"}, False, False),
        ("AMD64", set(), False, True),
        ("aarch64", {"asimd"}, False, False),
    ],
)
def test_only_x86_lacks_vnni(
    machine: str, flags: set[str], lacks: bool, may_lack: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cpu.platform, "machine", lambda: machine)
    monkeypatch.setattr(cpu, "flags", lambda: frozenset(flags))
    assert (cpu.lacks_vnni(), cpu.may_lack_vnni()) == (lacks, may_lack)
