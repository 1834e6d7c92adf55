#!/bin/bash
# Becomes the collector's container. It reads the API token from the node's file, as the node's user.
set -euo pipefail
. "$(dirname "$0")/settings"
export DOCKER_CONFIG HOME="$DOCKER_CONFIG"

docker image inspect "$COLLECTOR_IMAGE" > /dev/null 2>&1 || docker pull --quiet "$COLLECTOR_IMAGE"
docker rm --force distributed-log-collector > /dev/null 2>&1 || true
exec docker run --rm --name=distributed-log-collector --network=host --user=1000:1000 --read-only --cap-drop=ALL \
  --security-opt=no-new-privileges --memory=160m --env=GOMEMLIMIT=120MiB \
  --log-driver=json-file --log-opt=max-size=5m --log-opt=max-file=2 \
  --mount="type=bind,source=$SECRETS_FOLDER,target=$SECRETS_FOLDER,readonly" \
  --mount="type=bind,source=$(cd "$(dirname "$0")" && pwd)/collector.yaml,target=/etc/config/config.yaml,readonly" \
  "$COLLECTOR_IMAGE" --config=/etc/config/config.yaml
