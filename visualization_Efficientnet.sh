#!/bin/sh
# Heatmaps and boxes of the trained group Efficientnet: gradcam/, localization/, report.html.
set -eu
cd "$(dirname "$0")"
exec ./visualization.sh Efficientnet "$@"
