"""What the processor can do, as far as an engine's choice depends on it."""

import platform
from functools import cache
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")  # Linux; elsewhere nothing is known
VNNI = frozenset({"avx512_vnni", "avx_vnni"})  # sums of 8-bit products in 32 bits, one instruction
# Flags that decide about int8 and half precision, in the order in which they are named.
TELLING = ("avx2", "avx512f", "avx_vnni", "avx512_vnni", "avx512_bf16", "amx_int8", "asimddp")
X86 = frozenset({"x86_64", "amd64", "i386", "i686"})


def is_x86() -> bool:
    """Whether this is a processor of Intel's or AMD's kind."""
    return platform.machine().lower() in X86


@cache
def flags(cpuinfo: Path = CPUINFO) -> frozenset[str]:
    """The first processor's flags, such as "avx2", "avx512_vnni"; empty where none are known.

    Args:
      cpuinfo: Linux's list of processors.
    """
    try:
        lines = cpuinfo.read_text().splitlines()
    except OSError:
        return frozenset()
    found = (line.partition(":")[2] for line in lines if line.partition(":")[0].strip() == "flags")
    return frozenset(next(found, "").split())


def telling() -> list[str]:
    """Those of `TELLING` that this processor has."""
    return [flag for flag in TELLING if flag in flags()]


def lacks_vnni() -> bool:
    """Whether this x86 processor is known to have no VNNI; False where nothing is known."""
    return is_x86() and bool(flags()) and not flags() & VNNI


def may_lack_vnni() -> bool:
    """Whether this x86 processor is not known to have VNNI."""
    return is_x86() and not flags() & VNNI
