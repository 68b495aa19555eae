#!/bin/sh
# Numbers of the trained group Efficientnet: metrics.json, report.html.
set -eu
cd "$(dirname "$0")"
./cxr evaluate Efficientnet "$@"
./cxr report Efficientnet "$@"
