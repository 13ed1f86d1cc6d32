#!/bin/sh
# Where tests keep their databases: in memory where there is plenty of it, for a thousand small files take a disk a second.
set -eu

if [ -w /dev/shm ] && [ "$(df -Pk /dev/shm | awk 'NR == 2 { print $4 }')" -gt 4000000 ]; then
    echo /dev/shm
else
    echo "${TMPDIR:-/tmp}"
fi
