"""Time and peak memory of every stage of a fresh run: CPU-seconds per image, wall seconds, largest process.

Run from the repository root:  .venv/bin/python benchmarks/stages.py Efficientnet [--smoke] [--set KEY=VALUE ...]
Results go to a temporary folder, so every stage really runs. Options after the group are handed to every stage.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
STAGES = ("segment", "prepare", "train", "evaluate", "visualize", "report")


def measure_stage(arguments: list[str]) -> tuple[float, float, float]:
    """Run one stage; return CPU seconds (with its workers), wall seconds and peak memory of its largest process, MB."""
    started = time.perf_counter()
    process = subprocess.Popen(["./cxr", *arguments], cwd=ROOT, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"stage failed: ./cxr {' '.join(arguments)}")
    return usage.ru_utime + usage.ru_stime, time.perf_counter() - started, usage.ru_maxrss / 1024


def main() -> None:
    group, options = sys.argv[1], sys.argv[2:]
    with tempfile.TemporaryDirectory() as folder:
        places = ["--set", f"prepared_dir={folder}/prepared", "--set", f"models_dir={folder}/models"]
        rows = []
        for stage in STAGES:
            target = [] if stage in ("segment", "prepare") else [group]
            rows.append((stage, *measure_stage([stage, *target, *options, *places])))
        (record,) = Path(folder).glob("prepared/*/prepared.json")
        images = json.loads(record.read_text(encoding="utf-8"))["images"]
    print(f"{group}, {images} images, {os.cpu_count()} cores, options: {' '.join(options) or 'none'}\n")
    print("| stage | CPU s | CPU s per image | wall s | peak MB |\n|---|---|---|---|---|")
    for stage, cpu_s, wall_s, peak_mb in rows:
        print(f"| {stage} | {cpu_s:.1f} | {cpu_s / images:.4f} | {wall_s:.1f} | {peak_mb:.0f} |")
    print(f"| all | {sum(r[1] for r in rows):.1f} | {sum(r[1] for r in rows) / images:.4f} "
          f"| {sum(r[2] for r in rows):.1f} | {max(r[3] for r in rows):.0f} |")  # fmt: skip


if __name__ == "__main__":
    main()
