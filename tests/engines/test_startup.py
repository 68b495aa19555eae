import os
import subprocess
import sys
from pathlib import Path

import pytest

import cxr

PACKAGE_DIR = Path(cxr.__file__).parents[1]
NOISE = [
    "WARNING: All log messages before absl::InitializeLog() is called are written to STDERR",
    "I0000 port.cc:153] oneDNN custom operations are on. You may see slightly different numerical results",
]


@pytest.fixture
def start_with(tmp_path):
    """A function: body of a stand-in for keras -> what a process that loads it prints and returns."""

    def start(body):
        (tmp_path / "keras.py").write_text(body)
        program = "from cxr.engines.startup import load_keras; load_keras(); import sys; print('done', file=sys.stderr)"
        environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(PACKAGE_DIR)])}
        return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment)

    return start


def test_only_the_known_noise_of_the_start_is_dropped(start_with):
    lines = [*NOISE, "E0000 a real complaint"]
    result = start_with(f"import os\nfor line in {lines!r}:\n    os.write(2, line.encode() + b'\\n')\n")
    assert result.returncode == 0
    assert result.stderr.splitlines() == ["E0000 a real complaint", "done"]


def test_a_failing_start_still_says_why(start_with):
    result = start_with("import os\nos.write(2, b'no such library\\n')\nraise ImportError('libcuda is missing')\n")
    assert result.returncode != 0
    assert "no such library" in result.stderr
    assert "libcuda is missing" in result.stderr


def test_opening_openvino_asks_no_host_and_leaves_nothing_in_the_home(tmp_path):
    code = (
        "import socket\n"
        "def refuse(*_, **__): raise AssertionError('asked a host')\n"
        "socket.getaddrinfo = socket.create_connection = refuse\n"
        "import cxr.engines.openvino_engine as engine\n"
        "assert 'openvino_telemetry.main' not in __import__('sys').modules\n"
        "engine.knows_bf16()\n"
    )
    environment = os.environ | {"HOME": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[2] / "src")}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert not list(tmp_path.iterdir())
