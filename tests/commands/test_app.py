"""`cxr app` from the command line: mistakes are one sentence."""

import socket
import sys

import pytest

from cxr.__main__ import main
from cxr.commands.app import listen
from cxr.config.errors import UserError


def test_what_is_missing_is_said_with_how_to_get_it(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr("cxr.commands.app.find_spec", lambda name: None if name == "fastapi" else object())
    assert main(["app", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "not installed: fastapi; CXR_REQUIREMENTS=requirements-app.txt ./cxr app" in said


def test_it_loads_neither_the_server_nor_a_framework_before_the_bundle_is_found_whole(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr("cxr.commands.app.find_spec", lambda name: object())
    monkeypatch.setitem(sys.modules, "fastapi", None)
    assert main(["app", str(tmp_path / "none")]) == 2
    assert "no such folder; name one that ./cxr export wrote" in capsys.readouterr().err


def test_a_port_in_use_and_one_that_is_none_are_told():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=f"--port {port}: cannot be listened on \\(Address already in use\\)"):
            listen("127.0.0.1", port)
    for port in (-1, 70_000):
        with pytest.raises(UserError, match="--port"):
            listen("127.0.0.1", port)


def test_the_address_to_open_is_that_of_the_socket():
    listening, address = listen("127.0.0.1", 0)
    with listening:
        assert address == f"http://127.0.0.1:{listening.getsockname()[1]}/"
