"""Runs the page's snippet over cases read from stdin, and prints one code for each."""

import json
import sys

from verify import verify

for case in json.load(sys.stdin):
    print(verify(case["secret"], case["headers"], bytes.fromhex(case["body"]), case["now"]))
