"""`cxr app BUNDLE`: a page and a JSON API that answer X-rays, on this machine; no Keras, no TensorFlow."""

import argparse
import socket
from importlib.util import find_spec

from cxr.config.errors import UserError
from cxr.prediction.bundle import read_bundle
from cxr.prediction.cautions import cautions_of
from cxr.prediction.opened import open_bundle

PACKAGES = {"fastapi": "fastapi", "uvicorn": "uvicorn", "python_multipart": "python-multipart"}
"""What must be importable -> the package that has it."""
LOOPBACK = ("127.0.0.1", "::1")


def run(options: argparse.Namespace) -> None:
    """Serve until it is interrupted."""
    if missing := [package for name, package in PACKAGES.items() if find_spec(name) is None]:
        raise UserError(
            f"not installed: {', '.join(missing)}; CXR_REQUIREMENTS=requirements-app.txt ./cxr app ... installs what "
            "it needs"
        )
    bundle = read_bundle(options.bundle)
    listening, address = listen(options.host, options.port)
    with listening:
        import uvicorn

        from cxr.prediction.app.server import make_app

        local = listening.getsockname()[0] in LOOPBACK
        opened = open_bundle(bundle, options.engine)
        application = make_app(bundle, opened, local_only=local)
        for line in cautions_of(bundle):
            print(f"app: {line}")
        if not local:
            print("app: everybody who reaches this address can use it: there is no password and no encryption")
        print(f"app: {bundle.record.group}; engine: {opened}")
        print(f"app: open {address} (the API is described at {address}docs); Ctrl-C ends it", flush=True)
        config = uvicorn.Config(application, log_level="warning", access_log=False, server_header=False)
        try:
            uvicorn.Server(config).run(sockets=[listening])
        except KeyboardInterrupt:
            print("app: ended")


def listen(host: str, port: int) -> tuple[socket.socket, str]:
    """Return a listening socket and the address to open; UserError when the host or port cannot be had."""
    if not 0 <= port <= 65535:  # getaddrinfo would take others by their last 16 bits
        raise UserError(f"--port {port}: must be 0 (any free one) to 65535")
    try:
        family, *_, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listening = socket.create_server(place[:2], family=family)
    except OSError as error:
        reason = (error.strerror or str(error)).partition(" (")[0]  # Python adds the address, which is said already
        raise UserError(f"--host {host} --port {port}: cannot be listened on ({reason}); name others") from error
    shown = f"[{host}]" if ":" in host else host
    return listening, f"http://{shown}:{listening.getsockname()[1]}/"
