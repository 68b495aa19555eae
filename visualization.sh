#!/bin/sh
# Heatmaps and boxes of any trained group: ./visualization.sh GROUP ... -> gradcam/, localization/, report.html.
# --all and --sample N are of the heatmaps; the steps after them are given all other options.
set -eu
cd "$(dirname "$0")"
case "${1:-}" in "" | -*) echo "visualization.sh: name a group first, for example: ./visualization.sh Ensemble --all" >&2 && exit 2 ;; esac
group=$1 && shift
./cxr visualize "$group" "$@"
skip=no
for option; do
    shift
    case $skip$option in
    yes*) skip=no ;;
    no--a*) ;;
    no--sa*=*) ;;
    no--sa*) skip=yes ;;
    *) set -- "$@" "$option" ;;
    esac
done
./cxr localize "$group" "$@"
./cxr report "$group" "$@"
