#!/bin/bash
# Sends some of the node's metrics to Cloud Monitoring as custom.googleapis.com/distributed_log/<name>. A timer runs it once
# a minute: nothing stays in memory between, which counts on a machine with 1 GB.
set -euo pipefail
. "$(dirname "$0")/settings"
wanted=' is_leader commit_index last_message_id messages_sent_total messages_received_total causality_violations_total
 leader_elections_total peers_up disk_used_ratio identity_trouble process_resident_memory_bytes '

field() { sed -n "s/.*\"$1\": *\"\([^\"]*\)\".*/\1/p" | head -n 1; }
metadata() {
  curl --fail --silent --show-error --max-time 10 --header 'Metadata-Flavor: Google' "$METADATA/computeMetadata/v1/$1"
}
authorization=
if [ -r "$SECRETS_FOLDER/api-token" ]; then authorization="Authorization: Bearer $(cat "$SECRETS_FOLDER/api-token")"; fi
metrics=$(printf '%s\nAccept: text/plain\n' "$authorization" |
  curl --fail --silent --show-error --max-time 5 --header @- "$NODE/metrics")

zone=$(metadata instance/zone)
resource="{\"type\":\"gce_instance\",\"labels\":{\"project_id\":\"$PROJECT\",\"instance_id\":\"$(metadata instance/id)\",\"zone\":\"${zone##*/}\"}}"
now=$(date -u +%Y-%m-%dT%H:%M:%SZ)
series=
while read -r name value _; do
  short=${name#dlog_}
  case "$wanted" in *[[:space:]]"$short"[[:space:]]*) ;; *) continue ;; esac
  # Numbers as JSON has them, so no NaN and no +Inf.
  [[ $value =~ ^-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?$ ]] || continue
  series+="${series:+,}{\"metric\":{\"type\":\"custom.googleapis.com/distributed_log/$short\",\"labels\":{\"node_id\":\"$NODE_ID\"}},"
  series+="\"resource\":$resource,\"points\":[{\"interval\":{\"endTime\":\"$now\"},\"value\":{\"doubleValue\":$value}}]}"
done <<< "$metrics"
[ -n "$series" ] || { echo 'the node gave no metrics' >&2; exit 1; }

token=$(metadata instance/service-accounts/default/token | field access_token)
printf 'Authorization: Bearer %s\nContent-Type: application/json\n' "$token" |
  curl --fail --silent --show-error --max-time 10 --header @- --output /dev/null \
    --data "{\"timeSeries\":[$series]}" "$MONITORING/v3/projects/$PROJECT/timeSeries"
