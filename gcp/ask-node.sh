#!/bin/bash
# What the node of this machine says of itself: its health as one line of JSON, then its metrics as text. For
# `npm run cloud -- status` and `update`, which come by ssh.
set -euo pipefail
. "$(dirname "$0")/settings"

authorization=
if [ -r "$SECRETS_FOLDER/api-token" ]; then authorization="Authorization: Bearer $(cat "$SECRETS_FOLDER/api-token")"; fi
ask() { printf '%s\nAccept: text/plain\n' "$authorization" | curl --silent --show-error --max-time 5 --header @- "$NODE$1"; }

echo "boot $(cat /proc/sys/kernel/random/boot_id)"
echo "image $(docker inspect --format='{{.Config.Image}}' distributed-log 2> /dev/null || true)"
ask /health
echo
ask /metrics
