"""Runs one case against a gateway: `case.py FILE CASE TOLD`, TOLD being JSON; without a case it lists those of the file.

A case passes when it ends with 0. It begins with an empty gateway.
"""

import importlib
import json
import os
import sys
import traceback

from client import Gateway


def main(file, case=None, told=None):
    cases = {name: each for name, each in vars(importlib.import_module(file)).items() if name.startswith("test_")}
    if case is None:
        print("\n".join(cases))
        return 0
    try:
        cases[case](Gateway(json.loads(told)))
    except Exception:
        traceback.print_exc()
        return 1
    return 0


if __name__ == "__main__":
    status = main(*sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    # A failed case leaves threads of its clients, which would be waited for.
    os._exit(status)
