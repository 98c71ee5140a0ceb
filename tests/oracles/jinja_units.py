#!/usr/bin/env python3
"""Renders ../shared/oracle/chat/jinja-units.json with Jinja2 itself, from the data that the file holds.

    apt-get install python3-jinja2; /usr/bin/python3 tests/oracles/jinja_units.py [FILE] [--linnet PROGRAM]

Three units can't be right for anyone: their lists were changed by the first render and saved afterwards, so that from the
saved data even Jinja2 does not give the target. From the list as it was before, it does. Both are shown here, for Jinja2
and, with --linnet, for `linnet template --jsonl --allow-mutation`. Ends with 1 if anything else is found."""

import argparse
import copy
import datetime
import json
import subprocess
from pathlib import Path

from jinja2.sandbox import SandboxedEnvironment

ROOT = Path(__file__).resolve().parents[2]
UNITS = ROOT.parent / "shared/oracle/chat/jinja-units.json"
NOW = datetime.datetime(2025, 7, 10, 12, 0, 0)
# The list before the first render, by the unit's name.
BEFORE = {"array.pop() last": ["a", "b", "c"], "array.pop() with index": ["a", "b", "c"],
          "array.append()": ["a", "b", "c"]}


def environment():
    """As Hugging Face sets it up, but lists may change: so were these units rendered."""
    def raise_exception(message):
        raise ValueError(message)

    def tojson(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
        return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)

    made = SandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"])
    made.filters["tojson"] = tojson
    made.globals["raise_exception"] = raise_exception
    made.globals["strftime_now"] = NOW.strftime
    return made


def jinja2_text(source, data):
    """None where an error is due."""
    try:
        return environment().from_string(source).render(**copy.deepcopy(data))
    except Exception:  # whatever Jinja2 raises is the answer
        return None


def linnet_text(program, source, data):
    options = ["template", "--jsonl", "--allow-mutation", "--now", NOW.isoformat()]
    line = json.dumps({"template": source, "data": data})
    ended = subprocess.run([program, *options], input=line, capture_output=True, text=True, check=True)
    return json.loads(ended.stdout).get("text")


def check(name, render, units):
    """What is not as the file's target says, from the saved data and from the data as it was."""
    differs = {unit["name"] for unit in units if render(unit["chat_template"], unit["data"]) != unit.get("target")}
    mended = {unit["name"] for unit in units if unit["name"] in BEFORE and
              render(unit["chat_template"], {"arr": BEFORE[unit["name"]]}) == unit["target"]}
    print(f"{name}: {len(differs)} of {len(units)} differ from the saved data: {', '.join(sorted(differs))}; "
          f"{len(mended)} of these agree from the data before the first render")
    return differs == set(BEFORE) and mended == set(BEFORE)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("file", nargs="?", type=Path, default=UNITS)
    parser.add_argument("--linnet", help="the built program")
    arguments = parser.parse_args()
    units = json.loads(arguments.file.read_text())
    good = check("Jinja2", jinja2_text, units)
    if arguments.linnet:
        good &= check("linnet", lambda source, data: linnet_text(arguments.linnet, source, data), units)
    raise SystemExit(0 if good else 1)


if __name__ == "__main__":
    main()
