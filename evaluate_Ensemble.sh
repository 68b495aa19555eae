#!/bin/sh
# Numbers of the trained group Ensemble: metrics.json, report.html.
set -eu
cd "$(dirname "$0")"
exec ./evaluate.sh Ensemble "$@"
