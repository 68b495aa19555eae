import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from joblib import Parallel, delayed

from cxr.images.isolated import CrashedError, Isolated


def work(what):
    if what == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if what == "raise":
        raise ValueError("not this one")
    if what == "much":
        return len(np.zeros(2**30, np.uint8))
    if what == "speak":
        os.write(1, b"noise on stdout\n")
        os.write(2, b"noise on stderr\n")
    return os.getpid() if what == "who" else np.full(3, what == "speak")


@pytest.fixture
def isolated():
    one = Isolated(work)
    yield one
    one.close()


def test_answers_come_from_one_other_process(isolated):
    first = isolated("who")
    assert first != os.getpid()
    assert isolated("who") == first
    np.testing.assert_array_equal(isolated("speak"), [True] * 3)


def test_what_the_function_raises_is_told_in_its_words(isolated):
    with pytest.raises(RuntimeError, match=r"^not this one$"):
        isolated("raise")
    assert isolated("who") == isolated("who")


def test_a_crash_is_told_and_the_next_call_is_answered(isolated, capfd):
    before = isolated("who")
    with pytest.raises(CrashedError):
        isolated("crash")
    assert isolated("who") != before
    isolated("speak")
    assert capfd.readouterr() == ("", "")


@pytest.mark.skipif(sys.platform != "linux", reason="other systems keep no such limit")
def test_what_asks_for_more_memory_than_it_may_have_fails_and_the_next_call_is_answered(isolated):
    assert isolated("much") == 2**30
    limited = Isolated(work, memory=2**28)
    try:
        with pytest.raises(RuntimeError, match="Unable to allocate"):
            limited("much")
        assert limited("speak").all()
    finally:
        limited.close()


def test_a_process_that_cannot_start_is_not_taken_for_a_crash(monkeypatch):
    monkeypatch.setattr("cxr.images.isolated.SERVE", "raise ImportError")
    with pytest.raises(RuntimeError, match=r"no process of its own can be started for .*test_isolated\.work"):
        Isolated(work)("who")


PROGRAM = """
import os, sys
sys.path[:0] = sys.argv[1:]
from test_isolated import Isolated, work
print(Isolated(work)("who"), flush=True)
os.kill(os.getpid(), 9)
"""


def test_the_workers_of_joblib_may_start_one():
    found = Parallel(n_jobs=2, backend="loky")(delayed(ask)(what) for what in ("who", "crash", "who", "raise"))
    assert found[1] == "crashed"
    assert found[3] == "not this one"
    assert os.getpid() not in found


def ask(what):
    """In a worker: a process of its own, and what came of it."""
    one = Isolated(work)
    try:
        return one(what)
    except CrashedError:
        return "crashed"
    except RuntimeError as error:
        return str(error)
    finally:
        one.close()


def is_gone(process):
    """Whether it has ended, also where nobody has taken note of that (a zombie)."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    try:
        with open(f"/proc/{process}/stat") as stat:  # noqa: PTH123
            return stat.read().split()[2] == "Z"
    except OSError:
        return True


def test_the_process_ends_when_its_caller_is_killed(tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)
    paths = [path for path in sys.path if path] + [os.path.dirname(__file__)]  # noqa: PTH120
    result = subprocess.run([sys.executable, tmp_path / "program.py", *paths], capture_output=True, text=True)
    helper = int(result.stdout)
    deadline = time.monotonic() + 20
    while not is_gone(helper) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert is_gone(helper)
