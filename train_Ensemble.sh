#!/bin/sh
# From raw images to the report of the group Ensemble.
set -eu
cd "$(dirname "$0")"
./prepare_data.sh "$@"
./cxr train Ensemble "$@"
./evaluate_Ensemble.sh "$@"
./visualization_Ensemble.sh "$@"
