#!/bin/sh
# Heatmaps and boxes of the trained group Ensemble: gradcam/, localization/, report.html.
set -eu
cd "$(dirname "$0")"
./cxr visualize Ensemble "$@"
./cxr localize Ensemble "$@"
./cxr report Ensemble "$@"
