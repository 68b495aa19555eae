#!/bin/sh
# From raw images to the report of the group Efficientnet.
set -eu
cd "$(dirname "$0")"
exec ./train.sh Efficientnet "$@"
