#!/bin/bash
# Becomes the node's container. The node is process 1 in it, so that it hears SIGTERM; nothing in it can be written to but
# its data, its logs and a small /tmp.
set -euo pipefail
. "$(dirname "$0")/settings"
. "$IMAGE_FILE"

# The last look before a voter starts: see mount-data.sh.
mountpoint -q "$DATA_FOLDER" || { echo "$DATA_FOLDER is no mounted disk: the node does not start" >&2; exit 1; }

docker rm --force distributed-log > /dev/null 2>&1 || true
# No health check by docker: nobody here acts on it, and the load balancer asks by itself.
exec docker run --rm --name=distributed-log --pull=never --network=host --user=1000:1000 \
  --read-only --tmpfs=/tmp:size=16m --cap-drop=ALL --security-opt=no-new-privileges \
  ${MEMORY_LIMIT:+--memory="$MEMORY_LIMIT"} --no-healthcheck --stop-timeout=30 \
  --log-driver=json-file --log-opt=max-size=10m --log-opt=max-file=3 \
  --env-file="$(dirname "$0")/node.env" \
  --mount="type=bind,source=$SECRETS_FOLDER,target=$SECRETS_FOLDER,readonly" \
  --mount="type=bind,source=$DATA_FOLDER,target=/data" \
  "$IMAGE"
