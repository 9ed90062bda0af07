#!/usr/bin/env bash
# Makes the seed-N.zip files anew. Tests don't run it: they need no Python.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for seed in 1 2 3 4 5; do
	python3 generate.py --out "$work/$seed" --seed "$seed" --users 300 --courses 30 --mutate --no-logs
	python3 - "$work/$seed" "seed-$seed.zip" <<'PY'
import os, sys, zipfile
folder, target = sys.argv[1:]
with zipfile.ZipFile(target, 'w', zipfile.ZIP_DEFLATED, compresslevel=9) as z:
    names = ['base/' + n for n in sorted(os.listdir(folder + '/base')) if n.endswith('.csv')]
    for name in names + ['mutate.mysql.sql', 'mutate.pg.sql', 'mutation.jsonl', 'truth.json']:
        info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
        info.compress_type = zipfile.ZIP_DEFLATED
        z.writestr(info, open(folder + '/' + name, 'rb').read())
PY
done
