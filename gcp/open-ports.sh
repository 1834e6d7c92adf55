#!/bin/bash
# Container-Optimized OS drops whatever comes in but ssh: this lets in what the firewall of the network lets in too.
# OPEN_TO: words like 10.80.0.0/16:9000. Safe to run twice.
set -euo pipefail
. "$(dirname "$0")/settings"

for allowed in $OPEN_TO; do
  rule=(INPUT -p tcp -s "${allowed%:*}" --dport "${allowed##*:}" -j ACCEPT)
  iptables -w -C "${rule[@]}" 2> /dev/null || iptables -w -A "${rule[@]}"
done
