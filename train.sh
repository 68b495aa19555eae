#!/bin/sh
# From raw images to the report of any group of PARAMS.json or an experiment: ./train.sh GROUP ...
set -eu
cd "$(dirname "$0")"
case "${1:-}" in "" | -*) echo "train.sh: name a group first, for example: ./train.sh Ensemble --smoke" >&2 && exit 2 ;; esac
group=$1 && shift
./prepare_data.sh "$@"
./cxr train "$group" "$@"
./cxr evaluate "$group" "$@"
./cxr visualize "$group" "$@"
./cxr localize "$group" "$@"
./cxr report "$group" "$@"
