#!/usr/bin/env bash
# The main job on real input: the official 1.0 example and a generated 2.0 file, checked.
set -euo pipefail
bin=${BIN:-.venv/bin}
mkdir -p demo

step() { printf '\n==> %s\n' "$*"; }

# Findings are what the demo is about: exit code 1 says that some were found, 2 that something went wrong.
check() { "$bin/nhicard" check "$@" || [ $? -eq 1 ]; }

step "The official example of edition 1.0 (Annex 4), as if uploaded on 2002-07-02"
cp src/nhicard/synthetic/data/examples10/annex4_all.xml demo/official_example_10.xml
check demo/official_example_10.xml --as-of 2002-07-02T12:00 --show 4

step "A synthetic file of edition 2.0 with an error planted in one record of twenty"
"$bin/nhicard" generate --edition 2.0 --visits 2000 --seed 7 --error-rate 0.05 --as-of 2023-10-23T12:00 -o demo/generated_20.xml
check demo/generated_20.xml --as-of 2023-10-23T12:00 --show 6

step "What one of the codes means"
"$bin/nhicard" explain D054

step "A day at the desk with simulated cards: the control software and the data centre behind it"
"$bin/nhicard" reader demo --folder demo/reader

step "Five institutions on their way from 1.0 to 2.0 through the running insurer, each left at another step"
"$bin/nhicard" demo --folder demo/week

step "Done. Try it on your own file: $bin/nhicard check YOUR_FILE.xml"
