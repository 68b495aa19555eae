#!/bin/sh
# From raw images to the report of the group Efficientnet.
set -eu
cd "$(dirname "$0")"
./prepare_data.sh "$@"
./cxr train Efficientnet "$@"
./evaluate_Efficientnet.sh "$@"
./visualization_Efficientnet.sh "$@"
