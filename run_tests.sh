#!/bin/sh
# The whole test suite in its own environment. Arguments go to pytest, for example: ./run_tests.sh tests/datasets -k split
# --all tests every registered network rather than one of each family, which takes long.
# CXR_REAL_DATA=/path/to/real/x-rays adds the tests on real images.
set -eu
cd "$(dirname "$0")"
CXR_REQUIREMENTS="$PWD/requirements-dev.txt" ./cxr --version
.venv/bin/ruff check .
.venv/bin/ruff format --check .
exec .venv/bin/python -m pytest --numprocesses=auto --maxprocesses=4 --dist=loadscope "$@"
