#!/bin/sh
# Tests of networks, losses and training on other backends: tests/backends.sh jax|torch [/path/to/python]
# Without a Python of yours, .venv-jax or .venv-torch is made: requirements-dev.txt without TensorFlow, with the backend.
set -eu
cd "$(dirname "$0")/.."
backend=$1
python=${2:-.venv-$backend/bin/python}
if [ ! -x "$python" ]; then
    "${CXR_BASE_PYTHON:-python3}" -m venv ".venv-$backend"
    grep -v '^tensorflow' requirements-dev.txt | "$python" -m pip install --quiet -r /dev/stdin "$backend"
fi
export KERAS_BACKEND="$backend"
[ "$backend" != jax ] || export XLA_FLAGS=--xla_force_host_platform_device_count=2
exec "$python" -m pytest -p no:xdist tests/test_backends.py
