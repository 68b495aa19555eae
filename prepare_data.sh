#!/bin/sh
# Images -> manifest -> lungs -> crops -> split.
set -eu
cd "$(dirname "$0")"
./cxr prepare "$@"
