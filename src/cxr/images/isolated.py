"""A function that may bring down its process in, the same answers from a process of its own out."""

import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

READY = b"ready"
SERVE = "from cxr.images.isolated import serve; serve()"


class CrashedError(Exception):
    """The process died over these arguments."""


class Isolated:
    """Calls `function` (of a module's top level) in a process that is started once and again after every crash.

    What it returns is handed on, what it raises as RuntimeError, what it prints is not. One call at a time: a
    thread needs one of its own. Not by multiprocessing, whose children cannot be started by the workers of joblib.
    memory: bytes that its calls may take on top of what the process has from the start; what asks for more fails (where
    the system keeps such limits). 0: no limit.
    """

    def __init__(self, function: Callable[..., Any], memory: int = 0) -> None:
        self._function, self._memory = function, memory
        self._process: subprocess.Popen[bytes] | None = None

    def __call__(self, *arguments: Any) -> Any:
        """Return what the function returns; CrashedError when its process died, RuntimeError with what it raised."""
        self._process = self._process or self._start()
        try:
            pickle.dump(arguments, self._process.stdin)
            self._process.stdin.flush()
            raised, answer = pickle.load(self._process.stdout)
        except (EOFError, OSError, pickle.UnpicklingError) as crash:
            self.close()
            raise CrashedError from crash
        if raised:
            raise RuntimeError(answer)
        return answer

    def close(self) -> None:
        """End the process; the next call starts another."""
        if self._process:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _start(self) -> "subprocess.Popen[bytes]":
        place = (self._function.__module__, self._function.__qualname__)
        process = subprocess.Popen(
            [sys.executable, "-c", SERVE, *place, str(self._memory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        )
        if process.stdout.read(len(READY)) != READY:  # no fault of what it is called with
            process.communicate()
            raise RuntimeError(f"no process of its own can be started for {'.'.join(place)}")
        return process


def limit_memory(more: int) -> None:
    """Let this process have no more than `more` bytes of address space beside what it has; nothing without limits."""
    try:
        import resource

        pages = int(Path("/proc/self/statm").read_text().split()[0])
        most = pages * resource.getpagesize() + more
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (most if hard < 0 else min(most, hard), hard))
    except (ImportError, OSError):  # Windows, macOS
        return


def serve() -> None:
    """Answer calls of the function that the command line names, until the caller is gone."""
    calls, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what decoders print must not come between the answers
    function = getattr(import_module(sys.argv[1]), sys.argv[2])
    if int(sys.argv[3]):
        limit_memory(int(sys.argv[3]))
    answers.write(READY)
    answers.flush()
    while True:
        try:
            arguments = pickle.load(calls)
        except EOFError:
            return
        try:
            answer = (False, function(*arguments))
        except Exception as error:  # handed on, whatever it is
            answer = (True, str(error) or type(error).__name__)
        pickle.dump(answer, answers)
        answers.flush()
