#!/bin/bash
# Mounts the data disk. A new disk is formatted, and only a disk that holds nothing at all is new: with doubt nothing is
# written. Safe to run twice. Without the disk the node must not start: a bare folder in its place would be a voter that
# forgot what it promised.
set -euo pipefail
. "$(dirname "$0")/settings"

for _ in $(seq 60); do
  [ -b "$DATA_DISK" ] && break
  sleep 1
done
[ -b "$DATA_DISK" ] || { echo "the data disk $DATA_DISK is not attached" >&2; exit 1; }

if ! mountpoint -q "$DATA_FOLDER"; then
  # 2: blkid has looked and found nothing. Other failures are none that a format would mend.
  code=0
  blkid -p "$DATA_DISK" > /dev/null || code=$?
  if [ "$code" -eq 2 ]; then
    first=$(head -c 16777216 "$DATA_DISK" | tr -d '\0' | head -c 1 | wc -c)
    [ "$first" -eq 0 ] || { echo "$DATA_DISK holds something that is no file system; it is left alone" >&2; exit 1; }
    mkfs.ext4 -q -m 0 -E lazy_itable_init=0,lazy_journal_init=0 "$DATA_DISK"
  elif [ "$code" -ne 0 ]; then
    echo "blkid cannot say what is on $DATA_DISK (exit code $code)" >&2
    exit 1
  fi
  # 1: it mended something; from 4 on it did not.
  code=0
  fsck.ext4 -p "$DATA_DISK" || code=$?
  [ "$code" -lt 4 ] || { echo "the file system on $DATA_DISK is damaged (fsck: $code)" >&2; exit 1; }
  mkdir -p "$DATA_FOLDER"
  mount -t ext4 -o discard,noatime "$DATA_DISK" "$DATA_FOLDER"
fi
# A disk that was made larger.
resize2fs "$DATA_DISK" > /dev/null 2>&1 || true
# The node looks for the marker: it is on the disk and nowhere else.
mkdir -p "$DATA_FOLDER/node"
touch "$DATA_FOLDER/node/.data-disk"
chown 1000:1000 "$DATA_FOLDER" "$DATA_FOLDER/node" "$DATA_FOLDER/node/.data-disk"
