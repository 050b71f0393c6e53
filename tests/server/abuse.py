#!/usr/bin/env python3
"""Treats a real server badly and sees that it goes on serving: few files to open, full disks, kill -9, clients that die or send garbage,
endpoints that come and go under load. Needs nothing beside the program and the test's own small models. No check depends on time.

Usage: abuse.py PROGRAM [NAME…]. Prints a line a test, and exits with 1 if one failed.
"""

import collections
import http.client
import itertools
import json
import os
import pathlib
import random
import re
import resource
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading

FIXTURES = pathlib.Path(__file__).resolve().parent.parent / "tasks" / "fixtures"
MEAN = f"{FIXTURES}/embed_mean=mean"
PROGRAM = sys.argv[1]
EXPECTED = None  # the embedding of "boats", once it is known


class Failed(Exception):
    pass


def expect(condition, *told):
    if not condition:
        raise Failed(" ".join(str(each) for each in told))


class Server:
    """`serve` with the arguments, on a port of its own; killed at the end unless it was stopped."""

    def __init__(self, *models, port=0, files=None, errors=None, cache=None, compute=("--backend", "cpu", "--precision", "fp32")):
        self.folder = tempfile.TemporaryDirectory()
        self.log = pathlib.Path(self.folder.name) / "log"
        arguments = [PROGRAM, "serve", *models, "--port", str(port), *compute]
        limit = (lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))) if files else None
        environment = {**os.environ, "ACCELERATE_CACHE": cache or self.folder.name}
        self.port = port
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(arguments, stderr=errors if errors is not None else log, preexec_fn=limit, env=environment)

    def __enter__(self):
        # A server whose log is seen tells its port; one whose log is not was given it.
        while self.process.poll() is None:
            if self.port == 0:
                found = re.search(r"listening on http://127\.0\.0\.1:(\d+)", self.log.read_text())
                self.port = int(found.group(1)) if found else 0
            if self.port != 0 and self.answers():
                return self
        raise Failed(f"the server ended with {self.process.returncode}: {self.log.read_text()[-2000:]}")

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.folder.cleanup()

    def answers(self):
        try:
            return self.ask("GET", "/health")[0] == 200
        except OSError:
            return False

    def ask(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=300)
        try:
            connection.request(method, path, None if body is None else json.dumps(body))
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def embed(self, name="mean"):
        return self.ask("POST", "/v1/embeddings", {"model": name, "input": "boats"})

    def stop(self):
        """Ends it in order; whether it went well."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(120) == 0

    def kill(self):
        self.process.kill()
        self.process.wait()


def expect_serving(server, name="mean", may_be_full=False):
    """The server answers, and rightly; at last, where it may still hold connections of clients that have just left."""
    global EXPECTED
    status, text = server.embed(name)
    while may_be_full and status == 503:
        status, text = server.embed(name)
    expect(status == 200, "status", status, text)
    vector = json.loads(text)["data"][0]["embedding"]
    EXPECTED = EXPECTED or vector
    expect(vector == EXPECTED, "the answer is another than before")
    expect(server.process.poll() is None, "the server has ended")


def raw(server):
    return socket.create_connection(("127.0.0.1", server.port), timeout=300)


def die(connection):
    """Closes with a reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def private_bytes(process):
    text = pathlib.Path(f"/proc/{process.pid}/smaps_rollup").read_text()
    return 1024 * sum(int(each) for each in re.findall(r"^Private_\w+:\s+(\d+) kB", text, re.M))


def free_port():
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


REQUEST = b"POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nContent-Length: 32\r\n\r\n" + b'{"model":"mean","input":"boats"}'


def test_few_files():
    with Server(MEAN, files=64) as server:
        expect_serving(server)
        held = [raw(server) for _ in range(100)]
        statuses = collections.Counter()
        for connection in held:
            connection.settimeout(2)  # whom nobody accepted hears nothing until others leave
            try:
                connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
                statuses[connection.recv(4096)[9:12]] += 1
            except OSError:
                statuses["unheard"] += 1
            if sum(statuses.values()) - statuses[b"200"] >= 5:
                break
        expect(statuses[b"200"] >= 8, statuses)
        expect(set(statuses) <= {b"200", b"503", "unheard", b""}, statuses)
        for connection in held:
            connection.close()
        expect_serving(server, may_be_full=True)
        expect(server.stop(), "its end")


def test_full_disk():
    with open("/dev/full", "wb") as full, Server(MEAN, port=free_port(), errors=full) as server:
        expect_serving(server)
        expect(server.ask("POST", "/v1/embeddings", {"model": "none"})[0] == 404, "what is logged")
        expect(server.stop(), "its end")
    with tempfile.TemporaryDirectory() as folder:
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8k,nr_inodes=4", "tmpfs", folder], capture_output=True).returncode != 0:
            return "without a full cache: nothing may be mounted here"
        try:
            (pathlib.Path(folder) / "full").write_bytes(b"x" * 8192)
            with Server(MEAN, cache=folder, compute=("--precision", "fp32")) as server:
                status, text = server.embed()
                expect(status == 200, status, text)
                expect(server.stop(), "its end")
        finally:
            subprocess.run(["umount", folder], check=True)
    return None


def test_log_without_reader():
    reader, writer = os.pipe()
    with Server(MEAN, port=free_port(), errors=writer) as server:
        os.close(reader)
        os.close(writer)
        for _ in range(3):
            expect_serving(server)
        expect(server.stop(), "its end")


def asking(server, statuses, stop, name="mean"):
    """Asks until it is told to stop or nobody is there."""
    while not stop.is_set():
        try:
            statuses[server.embed(name)[0]] += 1
        except (OSError, http.client.HTTPException):
            statuses["gone"] += 1
            return


def test_kill_under_load():
    port = free_port()
    for round_number in range(6):
        with Server(MEAN, f"{FIXTURES}/embed_cls=other", port=port) as server:
            statuses, stop = collections.Counter(), threading.Event()
            threads = [threading.Thread(target=asking, args=(server, statuses, stop)) for _ in range(8)]
            for thread in threads:
                thread.start()
            # While it loads, while it answers, while it reloads.
            for _ in range(round_number * 3):
                for verb in ("unload", "init"):
                    server.ask("POST", f"/accelerate/v1/endpoints/other:{verb}", {})
            server.kill()
            stop.set()
            for thread in threads:
                thread.join()
            expect(set(statuses) <= {200, "gone"}, statuses)
    with Server(MEAN, port=port) as server:
        expect_serving(server)
        expect(server.stop(), "its end")


def test_dying_clients():
    with Server(MEAN) as server:
        expect_serving(server)
        for at in itertools.chain(range(0, len(REQUEST), 5), [len(REQUEST)] * 50):
            connection = raw(server)
            connection.sendall(REQUEST[:at])
            die(connection) if at % 2 else connection.close()
        expect_serving(server)
        expect(server.stop(), "its end")


def test_half_open():
    with Server(MEAN) as server:
        held = []
        for at in (0, 1, 20, len(REQUEST) - 1, len(REQUEST)):  # says that nothing more comes, and stays
            connection = raw(server)
            connection.sendall(REQUEST[:at])
            connection.shutdown(socket.SHUT_WR)
            held.append(connection)
        expect_serving(server)
        for connection in held:
            while connection.recv(4096):
                pass
            connection.close()
        expect(server.stop(), "its end")


def test_garbage():
    chance = random.Random(7)
    with Server(MEAN) as server:
        for _ in range(300):
            connection = raw(server)
            if chance.random() < 0.5:
                text = bytes(chance.randrange(256) for _ in range(chance.randrange(1, 400)))
            else:
                damaged = bytearray(REQUEST)
                for _ in range(chance.randrange(1, 6)):
                    damaged[chance.randrange(len(damaged))] = chance.randrange(256)
                text = bytes(damaged)
            try:
                connection.sendall(text)
                connection.shutdown(socket.SHUT_WR)
                answer = connection.recv(4096)
                expect(answer == b"" or re.match(rb"HTTP/1\.[01] [24]\d\d ", answer) or b" 501 " in answer or b" 505 " in answer, answer[:80], text)
            except ConnectionError:
                pass
            connection.close()
        expect_serving(server)
        expect(server.stop(), "its end")


def test_memory():
    def round_of_abuse(server):
        for size in (0, 100, 100_000):
            connection = raw(server)
            connection.sendall(b"POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n" + b"x" * size)
            die(connection)
        for _ in range(20):
            connection = raw(server)
            connection.sendall(REQUEST)
            die(connection)
        connection = raw(server)
        connection.sendall(b"POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\n{\r\n" * 20_000)
        die(connection)
        expect_serving(server)

    with Server(MEAN, compute=("--backend", "cpu", "--precision", "fp32", "--log-requests", "off")) as server:
        for _ in range(30):
            round_of_abuse(server)
        before = private_bytes(server.process)
        for _ in range(100):
            round_of_abuse(server)
        grown = private_bytes(server.process) - before
        if "sanitizer" not in os.environ.get("ABUSE", ""):
            expect(grown < 1 << 20, "grown by", grown, "bytes")
        expect(server.stop(), "its end")
        return f"grown by {grown >> 10} KiB over 2,500 requests"


def test_endpoints_that_change():
    with Server(MEAN, f"{FIXTURES}/embed_cls=stays") as server:
        statuses, of_one_that_stays, stop = collections.Counter(), collections.Counter(), threading.Event()
        threads = [threading.Thread(target=asking, args=(server, *((of_one_that_stays, stop, "stays") if n % 4 == 0 else (statuses, stop)))) for n in range(20)]
        for thread in threads:
            thread.start()
        changes = collections.Counter()
        for _ in range(15):
            changes["unload", server.ask("POST", "/accelerate/v1/endpoints/mean:unload", {})[0]] += 1
            changes["remove", server.ask("DELETE", "/accelerate/v1/endpoints/mean")[0]] += 1
            changes["add", server.ask("POST", "/accelerate/v1/endpoints", {"name": "mean", "folder": f"{FIXTURES}/embed_mean", "backend": "cpu", "precision": "fp32"})[0]] += 1
            changes["drain", server.ask("POST", "/accelerate/v1/endpoints/mean:drain", {"seconds": 10})[0]] += 1
            changes["init", server.ask("POST", "/accelerate/v1/endpoints/mean:init", {})[0]] += 1
        stop.set()
        for thread in threads:
            thread.join()
        expect(set(statuses) <= {200, 404, 503} and statuses[200] > 0, statuses)
        expect(set(of_one_that_stays) == {200}, "of one that stays:", of_one_that_stays)
        expect(set(changes) <= {("unload", 200), ("unload", 409), ("remove", 200), ("add", 201), ("drain", 200), ("init", 200)}, changes)
        expect_serving(server)
        expect(server.stop(), "its end")
        return f"{dict(statuses)}, of one that stays {dict(of_one_that_stays)}"


def main():
    tests = {name.removeprefix("test_"): test for name, test in globals().items() if name.startswith("test_")}
    wanted = sys.argv[2:] or list(tests)
    failed = []
    for name in wanted:
        try:
            told = tests[name]() or "as it should be"
        except (Failed, OSError, subprocess.SubprocessError, http.client.HTTPException) as error:
            failed.append(name)
            told = f"FAILED: {type(error).__name__}: {error}"
        print(f"abuse: {name}: {told}", flush=True)
    print(f"abuse: {len(wanted) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
