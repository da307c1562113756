#!/bin/sh
# A CI job: checks an account, writes a JUnit report, and fails if a rule is violated.
#
# Exit codes: 0 all rules hold, 1 a rule is violated, anything else means that the rules could not be
# checked. For a real account, leave out --sandbox and set the variables of the provider, here
# DATABRICKS_ACCOUNT_ID, DATABRICKS_CLIENT_ID and DATABRICKS_CLIENT_SECRET.
set -u
here=$(dirname "$0")

strataql exec --read-only \
  --sandbox="scenario=$here/account.yaml" \
  --var account_id=a1 \
  --keep-going \
  -i "$here/checks.sql" \
  -o junit -f "${REPORT:-report.xml}"
status=$?

case $status in
  0) echo "all rules hold" ;;
  1) echo "a rule is violated" ;;
  *) echo "the rules could not be checked" ;;
esac
exit $status
