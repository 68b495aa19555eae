import os
import subprocess

import pytest

from cxr.config import hardware
from cxr.config.hardware import describe_hardware, peak_memory_gb


def test_the_description_names_cores_processor_memory_and_system(monkeypatch, tmp_path):
    (tmp_path / "cpuinfo").write_text("processor\t: 0\nmodel name\t: Abacus 3000\n\nmodel name\t: Abacus 3000\n")
    monkeypatch.setattr(hardware, "CPU_FILE", tmp_path / "cpuinfo")
    text = describe_hardware()
    assert text.startswith(f"{os.cpu_count()} CPU cores (Abacus 3000), ")
    memory_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    assert f"{memory_gb:.0f} GB memory" in text
    assert text.endswith(f"{os.uname().machine}, {os.uname().sysname}")


def test_graphics_cards_are_counted_by_kind(monkeypatch):
    def answer(*_, **__):
        return subprocess.CompletedProcess([], 0, "H100, 81559 MiB\nH100, 81559 MiB\nT4, 15360 MiB\n")

    monkeypatch.setattr(hardware.subprocess, "run", answer)
    assert "2 x H100, 81559 MiB, 1 x T4, 15360 MiB" in describe_hardware()


def test_what_cannot_be_told_is_left_out(monkeypatch, tmp_path):
    monkeypatch.setattr(hardware, "CPU_FILE", tmp_path / "none")
    monkeypatch.setattr(hardware, "GPU_COMMAND", (str(tmp_path / "none"),))
    assert describe_hardware().startswith(f"{os.cpu_count()} CPU cores, ")


def test_peak_memory_counts_what_was_held_and_given_back():
    before = peak_memory_gb()
    held = bytearray(10**8 + int(before * 1e9))
    held[::4096] = b"1" * len(held[::4096])
    del held
    assert peak_memory_gb() == pytest.approx(2 * before + 0.1, rel=0.6)
    assert peak_memory_gb() > before
