#!/bin/sh
# Numbers of any trained group: ./evaluate.sh GROUP ... -> metrics.json, report.html.
# --on FILE and --labels TABLE are of the evaluation; the report is given all other options.
set -eu
cd "$(dirname "$0")"
case "${1:-}" in "" | -*) echo "evaluate.sh: name a group first, for example: ./evaluate.sh Ensemble --smoke" >&2 && exit 2 ;; esac
group=$1 && shift
./cxr evaluate "$group" "$@"
skip=no
for option; do
    shift
    case $skip$option in
    yes*) skip=no ;;
    no--on=* | no--l*=*) ;;
    no--on | no--l*) skip=yes ;;
    *) set -- "$@" "$option" ;;
    esac
done
./cxr report "$group" "$@"
