#!/usr/bin/env python3
"""Runs schemathesis over a server's own /openapi.json: no answer may be a fault of the server, whatever is asked.

Usage: check_schema.py PROGRAM MINILM_FOLDER [EXAMPLES]. Needs the packages of requirements/clients.txt.
"""

import os
import pathlib
import subprocess
import sys
import tempfile

from server import ADMIN, KEY, ROOT, SMALL, Server, make_decoder

HERE = pathlib.Path(__file__).resolve().parent


def main():
    examples = sys.argv[3] if len(sys.argv) > 3 else "50"
    with tempfile.TemporaryDirectory() as temporary:
        decoder = pathlib.Path(temporary) / "decoder"
        make_decoder(decoder)
        small = [f"{ROOT}/tests/tasks/fixtures/{folder}={name}" for folder, name in SMALL.items()]
        server = Server(f"{sys.argv[2]}=minilm", f"{decoder}=decoder", *small, "--backend", "cpu", "--precision", "fp32", "--api-key", KEY, "--admin-key", ADMIN,
                        "--log-requests", "off", "--keep-alive", "-1")  # fmt: skip
        try:
            command = [str(pathlib.Path(sys.executable).parent / "schemathesis"), "run", server.url + "/openapi.json", "--header", f"Authorization: Bearer {ADMIN}",
                       "--checks", "no_fault,refusal_says_why,response_schema_conformance", "--max-examples", examples, "--seed", "1", "--phases",
                       "examples,coverage,fuzzing", "--generation-database", "none", "--request-timeout", "60", "--continue-on-failure"]  # fmt: skip
            environment = {**os.environ, "SCHEMATHESIS_HOOKS": "schema_checks", "PYTHONPATH": str(HERE)}
            code = subprocess.run(command, env=environment, cwd=temporary).returncode
        finally:
            ended = server.stop()
    return code or ended


if __name__ == "__main__":
    sys.exit(main())
