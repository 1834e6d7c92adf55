#!/bin/bash
# Brings the image that this machine's metadata names, and says which that is in IMAGE_FILE. What is here already is not
# asked for again, so a node starts although the registry is away. Older images go: the disk is small.
set -euo pipefail
. "$(dirname "$0")/settings"
export DOCKER_CONFIG HOME="$DOCKER_CONFIG"

image=$(curl --fail --silent --show-error --connect-timeout 5 --max-time 30 --retry 5 --header 'Metadata-Flavor: Google' \
  "$METADATA/computeMetadata/v1/instance/attributes/distributed-log-image")
[ -n "$image" ] || { echo 'the metadata distributed-log-image is empty' >&2; exit 1; }
if ! docker image inspect "$image" > /dev/null 2>&1; then
  mkdir -p "$DOCKER_CONFIG"
  docker-credential-gcr configure-docker --registries="${image%%/*}" > /dev/null
  docker pull --quiet "$image"
fi
echo "IMAGE=$image" > "$IMAGE_FILE"
docker images --digests --format '{{.Repository}}@{{.Digest}}' "${image%@*}" | while read -r old; do
  [ "$old" = "$image" ] || docker rmi "$old" > /dev/null 2>&1 || true
done
