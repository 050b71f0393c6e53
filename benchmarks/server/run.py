#!/usr/bin/env python3
"""Measures what HTTP costs on this machine: MiniLM's embeddings by the library's ragged benchmark and by 1, 8, 64 and 512 clients,
the time that HTTP adds at 1,000 requests a second, and the memory of idle connections. Prints one JSON object.

Usage: run.py PROGRAM MINILM_FOLDER. Needs wrk.
"""

import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time

PROGRAM, MINILM = sys.argv[1], sys.argv[2]
SECONDS = 8
LENGTHS = [8, 12, 16, 24, 32, 48, 64, 96, 128]  # tokens, two of them special
IDLE = int(os.environ.get("IDLE_CONNECTIONS", "10000"))

SCRIPT = """
local lengths = {%s}
local requests = {}
for i, length in ipairs(lengths) do
  local words = {}
  for j = 1, length - 2 do words[j] = "boat" end
  requests[i] = wrk.format("POST", "/v1/embeddings", {["Content-Type"] = "application/json"},
    '{"model":"minilm","encoding_format":"base64","input":"' .. table.concat(words, " ") .. '"}')
end
local next = 0
request = function()
  next = next %% #requests + 1
  return requests[next]
end
done = function(summary, latency)
  io.write(string.format('{"requests":%%d,"seconds":%%f,"errors":%%d,"p50_ms":%%f,"p99_ms":%%f}\\n', summary.requests, summary.duration / 1e6,
    summary.errors.status + summary.errors.timeout + summary.errors.read + summary.errors.connect, latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
"""


def start():
    process = subprocess.Popen([PROGRAM, "serve", f"{MINILM}=minilm", "--port", "0", "--backend", "cpu", "--precision", "fp32", "--keep-alive", "-1",
                                "--log-requests", "off"], stderr=subprocess.PIPE, text=True)
    port = int(re.search(r":(\d+),", process.stderr.readline()).group(1))
    return process, port


def wrk(port, connections, script, seconds=SECONDS):
    result = subprocess.run(["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s", "-s", script, f"http://127.0.0.1:{port}"],
                            capture_output=True, text=True, check=True)
    return json.loads(result.stdout.strip().splitlines()[-1])


def resident_bytes(process):
    with open(f"/proc/{process.pid}/status", encoding="utf-8") as status:
        return int(re.search(r"VmRSS:\s+(\d+) kB", status.read()).group(1)) * 1024


def paced(port, rate, seconds):
    """Milliseconds of answers that need no model, asked at even times over 8 connections: 50th and 99th of a hundred, and the most."""
    connections = [socket.create_connection(("127.0.0.1", port)) for _ in range(8)]
    request = b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n"
    times = []
    begin = time.perf_counter()
    for i in range(int(rate * seconds)):
        due = begin + i / rate
        while time.perf_counter() < due:
            pass
        connection = connections[i % len(connections)]
        sent = time.perf_counter()
        connection.sendall(request)
        connection.recv(65536)
        times.append((time.perf_counter() - sent) * 1000)
    times.sort()
    return {"p50_ms": times[len(times) // 2], "p99_ms": times[int(len(times) * 0.99)], "max_ms": times[-1]}


def main():
    line = subprocess.run([PROGRAM, "bench", MINILM, "--lengths", ",".join(map(str, LENGTHS * 7)), "--backend", "cpu", "--precision", "fp32", "--json"],
                          capture_output=True, text=True, check=True).stdout
    library = json.loads(line)["sequences_per_second"]
    result = {"lengths": LENGTHS, "library_texts_per_second": library, "clients": {}}
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(SCRIPT % ",".join(map(str, LENGTHS)))
        script.flush()
        process, port = start()
        try:
            wrk(port, 8, script.name, 2)
            for clients in (1, 8, 64, 512):
                measured = wrk(port, clients, script.name)
                rate = measured["requests"] / measured["seconds"]
                result["clients"][clients] = {"texts_per_second": rate, "share": rate / library, **measured}
            result["paced_1000"] = paced(port, 1000, 5)
            before = resident_bytes(process)
            idle = []
            for _ in range(IDLE):
                idle.append(socket.create_connection(("127.0.0.1", port)))
                idle[-1].sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
                idle[-1].recv(4096)
            result["idle"] = {"connections": len(idle), "bytes": resident_bytes(process) - before}
        finally:
            process.terminate()
            process.wait(60)
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    sys.exit(main())
