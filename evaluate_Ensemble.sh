#!/bin/sh
# Numbers of the trained group Ensemble: metrics.json, report.html.
set -eu
cd "$(dirname "$0")"
./cxr evaluate Ensemble "$@"
./cxr report Ensemble "$@"
