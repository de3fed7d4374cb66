#!/bin/sh
# onnxruntime 1.32.0, the wheel of Linux: telemetry is on, and disable_telemetry_events() is too late to keep it quiet.
#
# Expected: a library that runs a model on the machine asks no name server for anything; or, as its Privacy.md says of
#   the Python bindings, nothing after onnxruntime.disable_telemetry_events().
# Seen: importing it and opening one of its own example models writes a device ID below ~/.cache/Microsoft and looks a
#   collector's name up; also where disable_telemetry_events() is the first call after the import. With
#   ORT_DISABLE_TELEMETRY=1 in the environment before the import there is neither.
# Runs in a network namespace of its own, so that nothing leaves: needs root, or user namespaces, and strace.
# Fails (exit 1) where that has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv it
it/bin/pip install -q onnxruntime==1.32.0
cat > open.py <<'END'
import sys
import time

import onnxruntime

if "disable" in sys.argv:
    onnxruntime.disable_telemetry_events()
from onnxruntime.datasets import get_example

onnxruntime.InferenceSession(get_example("sigmoid.onnx"))
time.sleep(10)
END
alone="unshare --net"
[ "$(id -u)" -eq 0 ] || alone="unshare --user --map-root-user --net"
changed=0
check() { # name, lookups wanted (some or none), words for env, argument
    mkdir "home-$1"
    env -i PATH="$PATH" HOME="$folder/home-$1" $3 $alone \
        strace -f -qq -e trace=connect -o "trace-$1" it/bin/python open.py "$4" > /dev/null 2>&1
    lookups=$(grep -c 'htons(53)' "trace-$1" || :)
    files=$(find "home-$1" -type f -name deviceid | wc -l)
    echo "$1: lookups $lookups, device IDs $files"
    if [ "$lookups" -gt 0 ]; then said=some; else said=none; fi
    if [ "$said" != "$2" ]; then
        echo "  changed: seen before was $2"
        changed=1
    fi
}
check as-it-comes some "" ""
check disabled-after-import some "" disable
check disabled-by-environment none ORT_DISABLE_TELEMETRY=1 ""
exit $changed
