"""A function that may bring down its process in, the same answers from a process of its own out."""

import os
import threading
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any


class CrashedError(Exception):
    """The process died over these arguments."""


class Isolated:
    """Calls `function` (of a module's top level) in a process that is started once and again after every crash.

    What it returns and raises is handed on; its words on stderr are not. One call at a time; a caller per thread.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._lock = threading.Lock()
        self._pipe: Connection | None = None

    def __call__(self, *arguments: Any) -> Any:
        """Return what the function returns; raises CrashedError when its process died, else what it raises."""
        with self._lock:
            pipe = self._pipe = self._pipe or self._start()
            try:
                pipe.send(arguments)
                error, result = pipe.recv()
            except (EOFError, OSError) as crash:
                self.close()
                raise CrashedError from crash
        if error:
            raise error
        return result

    def close(self) -> None:
        """End the process; the next call starts another."""
        if self._pipe:
            self._pipe.close()
            self._pipe = None

    def _start(self) -> Connection:
        context = get_context("spawn")
        ours, theirs = context.Pipe()
        context.Process(target=_serve, args=(theirs, self._function), daemon=True).start()
        theirs.close()  # so that the process sees the end of ours
        return ours


def _serve(pipe: Connection, function: Callable[..., Any]) -> None:
    """Answer until the caller is gone."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    while True:
        try:
            arguments = pipe.recv()
        except (EOFError, OSError):
            return
        try:
            answer = (None, function(*arguments))
        except Exception as error:  # handed on, whatever it is
            answer = (RuntimeError(str(error) or type(error).__name__), None)
        pipe.send(answer)
