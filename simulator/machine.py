"""What was measured on: the machine and the packages, as facts beside figures that depend on them.

In: nothing. Out: names and values.
"""

from __future__ import annotations

import os
import platform
from pathlib import Path

from simulator.results import version_of

PACKAGES = ("slateloop", "numpy", "vowpalwabbit", "scikit-learn", "ray", "torch")
_CPU_INFO = Path("/proc/cpuinfo")


def facts(cpu_info: Path = _CPU_INFO) -> dict[str, str]:
    """Processor, cores, system, versions; what the system doesn't tell is left out.

    Args:
        cpu_info: Where Linux tells the processor's name.
    """
    packages = {name: version_of(name) for name in PACKAGES}
    found = {
        "processor": _processor(cpu_info),
        "cores": str(os.cpu_count() or ""),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **{name: version or "" for name, version in packages.items()},
    }
    return {name: value for name, value in found.items() if value}


def sentence() -> str:
    """The facts in one line."""
    return ", ".join(f"{name} {value}" for name, value in facts().items())


def _processor(cpu_info: Path) -> str:
    try:
        lines = cpu_info.read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())
