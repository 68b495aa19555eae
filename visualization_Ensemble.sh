#!/bin/sh
# Heatmaps and boxes of the trained group Ensemble: gradcam/, localization/, report.html.
set -eu
cd "$(dirname "$0")"
exec ./visualization.sh Ensemble "$@"
