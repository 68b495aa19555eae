"""This machine and process in; what they are, as text and numbers for a run's record, out."""

import os
import platform
import subprocess
from pathlib import Path

CPU_FILE = Path("/proc/cpuinfo")
GPU_COMMAND = ("nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader")


def describe_hardware() -> str:
    """Return e.g. `2 CPU cores (AMD EPYC), 25 GB memory, 1 x NVIDIA H100 80GB HBM3, 81559 MiB, x86_64, Linux`."""
    parts = [f"{os.cpu_count()} CPU cores{_cpu_model()}", _memory(), *_gpus(), platform.machine(), platform.system()]
    return ", ".join(part for part in parts if part)


def peak_memory_gb() -> float | None:
    """Return the most memory that this process has held so far, in 10^9 bytes; None where that cannot be told."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak * (1 if platform.system() == "Darwin" else 1024) / 1e9, 2)


def _cpu_model() -> str:
    try:
        lines = CPU_FILE.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f" ({models[0]})" if models else ""


def _memory() -> str:
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return ""
    return f"{total / 1e9:.0f} GB memory"


def _gpus() -> list[str]:
    """Name and number of NVIDIA's graphics cards of each kind, used or not."""
    try:
        found = subprocess.run(GPU_COMMAND, capture_output=True, text=True, check=True, timeout=20).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    names = [line.strip() for line in found.splitlines() if line.strip()]
    return [f"{names.count(name)} x {name}" for name in dict.fromkeys(names)]
