#!/bin/sh
# Known vulnerabilities of the pinned dependencies (pip-audit): ends with 1 where there are any. Where pip-audit is not
# installed or the advisory service does not answer for some pins, says so and ends with 0: that is neither a finding
# nor a clean bill.
#   tools/audit.sh [PIP-AUDIT]
audit="${1:-pip-audit}"
command -v "$audit" >/dev/null 2>&1 || { echo "NOT AUDITED: pip-audit is not installed (pip install pip-audit)"; exit 0; }
result=0
for set in runtime pcsc dev; do
	file="requirements/$set.txt"
	pins=$(grep -cE '^[A-Za-z0-9._-]+(\[[^]]*\])?==' "$file")
	told=$("$audit" --disable-pip --require-hashes --progress-spinner=off --timeout 20 -r "$file" 2>&1)
	code=$?
	unknown=$(echo "$told" | grep -c "could not be audited")
	if echo "$told" | grep -qE "Found [0-9]+ known vulnerabilit"; then
		echo "$file: vulnerabilities"
		echo "$told" | grep -v "could not be audited"
		result=1
	elif [ $code -ne 0 ]; then
		echo "$file: NOT AUDITED: $(echo "$told" | tail -1)"
		continue
	fi
	if [ "$unknown" -ge "$pins" ]; then
		echo "$file: NOT AUDITED: the advisory service knows none of the $pins pins from here"
	elif [ "$unknown" -gt 0 ]; then
		echo "$file: $((pins - unknown)) of $pins pins audited, NOT AUDITED: $unknown"
	else
		echo "$file: $pins pins audited"
	fi
done
exit $result
