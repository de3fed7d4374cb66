#!/bin/sh
# pybetterleaks 0.6.2: sums and sealed values are told as keys; lines of a text are counted from 0.
#
# Expected: go.sum holds public hashes ("h1:…", cmd/go: Module authentication), and encryptedData of a Bitnami
#   SealedSecret is made to be committed: neither is a secret. The line of a finding is that of the secret, from 1.
# Seen: both are "generic-api-key" where a name on the line sounds like one (auth, api, password); scan_text() gives
#   the second line of a text the number 1, and the first none.
# Fails (exit 1) where that has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv it
it/bin/pip install -q pybetterleaks==0.6.2
it/bin/python - <<'END'
import sys
from pybetterleaks import scan_text

changed = False


def check(what, text, wanted):
    global changed
    found = sorted((one.rule_id, one.line) for one in scan_text(text, redact=True).findings)
    print(f"{what}: {found}")
    if found != wanted:
        changed = True
        print(f"  changed: seen before was {wanted}")


check("a line of go.sum", "x\ncloud.google.com/go/auth v0.17.0 h1:74yCm7hCj2rUyyAocqnFzsAYXgJhrG26XCFimrc/Kz4=\n",
      [("generic-api-key", 1)])
check("encryptedData of a SealedSecret",
      "kind: SealedSecret\nspec:\n  encryptedData:\n"
      "    password: AgBy3i4OJSWK+PiTySYZZA9rO43cGDEq8q7w2nXkzV1tJfLs0u5mEbHhYcRgTdNp\n",
      [("generic-api-key", 3)])
check("a secret on the first line", "aws_secret_access_key = Vh3kQz8pLm2nRt6wXy9cBf5gJd7sAe4uKi1oPq0Z\n",
      [("generic-api-key", None)])
sys.exit(changed)
END
