#!/bin/sh
# Heatmaps of the trained group Ensemble: gradcam/, report.html.
set -eu
cd "$(dirname "$0")"
./cxr visualize Ensemble "$@"
./cxr report Ensemble "$@"
