#!/usr/bin/env bash
# Prints the closing line of a test run; gotestsum calls it with the counts.
set -euo pipefail

# A package that does not even build counts as one failure but as no test.
passed=$((TESTS_TOTAL - TESTS_FAILED - TESTS_SKIPPED))
printf '\n%d passed, %d failed' $((passed > 0 ? passed : 0)) "$TESTS_FAILED"
((TESTS_SKIPPED == 0)) || printf ', %d skipped' "$TESTS_SKIPPED"
printf '\n'
