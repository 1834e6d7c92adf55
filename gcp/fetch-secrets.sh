#!/bin/bash
# Puts the secrets of the node into files in memory, from Secret Manager, by the identity of this machine. There is no
# gcloud, jq or python here: the answers are JSON in a known form. Never "set -x": it would show them.
set -euo pipefail
. "$(dirname "$0")/settings"
umask 077

# A field of text from JSON on stdin; Google puts a space behind the colon.
field() { sed -n "s/.*\"$1\": *\"\([^\"]*\)\".*/\1/p" | head -n 1; }
# Headers come on stdin: what stands in a command line can be read by every process.
get() { curl --fail --silent --show-error --connect-timeout 5 --max-time 30 --retry 5 --header @- "$1"; }

token=$(echo 'Metadata-Flavor: Google' |
  get "$METADATA/computeMetadata/v1/instance/service-accounts/default/token" | field access_token)
[ -n "$token" ] || { echo 'the metadata server gave no access token' >&2; exit 1; }

# To a file that is whole from its first moment.
fetch() { # secret, file
  local text
  text=$(echo "Authorization: Bearer $token" |
    get "$SECRET_MANAGER/v1/projects/$PROJECT/secrets/$1/versions/latest:access" | field data | base64 -d)
  [ -n "$text" ] || { echo "the secret $1 is empty" >&2; exit 1; }
  printf '%s' "$text" > "$SECRETS_FOLDER/.$2"
  chown 1000:1000 "$SECRETS_FOLDER/.$2"
  chmod 0400 "$SECRETS_FOLDER/.$2"
  mv -f "$SECRETS_FOLDER/.$2" "$SECRETS_FOLDER/$2"
}

mkdir -p "$SECRETS_FOLDER"
chown 1000:1000 "$SECRETS_FOLDER"
fetch "$CLUSTER_SECRET_NAME" cluster-secret
if [ -n "$API_TOKEN_NAME" ]; then fetch "$API_TOKEN_NAME" api-token; fi
