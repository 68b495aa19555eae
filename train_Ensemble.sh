#!/bin/sh
# From raw images to the report of the group Ensemble.
set -eu
cd "$(dirname "$0")"
exec ./train.sh Ensemble "$@"
