#!/bin/sh
# Heatmaps of the trained group Efficientnet: gradcam/, report.html.
set -eu
cd "$(dirname "$0")"
./cxr visualize Efficientnet "$@"
./cxr report Efficientnet "$@"
