"""A GitLab that keeps discussions of merge requests, below a path of its host.

    gitlab.py STATE.json

Prints its port. Written after GitLab's documentation of the discussions API for the requests in use; the same server answers
python-gitlab, which the tests read back with. Faults: a file STATE.json.faults holds a list of [method, path part, status, done].
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock
from urllib.parse import parse_qs, urlsplit

STATE = Path(sys.argv[1])
FAULTS = Path(str(STATE) + ".faults")
BASE = "/sub/gitlab/api/v4"
lock = Lock()
state = {"discussions": [], "requests": [], "next": 100}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body=None, headers=()):
        data = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def handle_any(self):
        length = int(self.headers.get("Content-Length") or 0)
        raw = self.rfile.read(length)
        if self.headers.get("Transfer-Encoding") == "chunked":
            raw = b""
            while size := int(self.rfile.readline(), 16):
                raw += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        body = json.loads(raw) if raw else {}
        with lock:
            state["requests"].append(f"{self.command} {self.path}")
            fault = self.fault()
            status, answer, headers = (None, None, ())
            if fault is None or fault[3]:
                status, answer, headers = self.route(body)
            if fault is not None:
                status, answer = fault[2], {"message": "fault"}
            STATE.write_text(json.dumps(state))
        self.answer(status, answer, headers)

    do_GET = do_POST = do_PUT = do_DELETE = handle_any

    def fault(self):
        faults = json.loads(FAULTS.read_text()) if FAULTS.exists() else []
        for index, fault in enumerate(faults):
            if fault[0] == self.command and fault[1] in self.path:
                del faults[index]
                FAULTS.write_text(json.dumps(faults))
                return fault
        return None

    def user(self):
        token = self.headers.get("PRIVATE-TOKEN", "")
        return {"glpat-reporter": "project_1_bot", "glpat-guest": "guest"}.get(token)

    def route(self, body):
        url = urlsplit(self.path)
        query = parse_qs(url.query)
        user = self.user()
        if user is None:
            return 401, {"message": "401 Unauthorized"}, ()
        if not url.path.startswith(BASE + "/"):
            return 404, {"message": "404 Not Found"}, ()
        match url.path[len(BASE) + 1 :].split("/"):
            case ["user"] if self.command == "GET":
                return 200, {"id": 1, "username": user}, ()
            case ["projects", "1"]:
                return 200, {"id": 1}, ()
            case ["projects", "1", "merge_requests", "7"]:
                return 200, {"id": 70, "iid": 7}, ()
            case ["projects", "1", "merge_requests", "7", "discussions", *rest]:
                return self.discussions(rest, body, query, user)
        return 404, {"message": "404 Not Found"}, ()

    def discussions(self, rest, body, query, user):
        if user == "guest" and self.command != "GET":
            return 403, {"message": "403 Forbidden"}, ()
        found = [one for one in state["discussions"] if rest and one["id"] == rest[0]]
        match self.command, rest:
            case "GET", []:
                size, page = int(query.get("per_page", ["20"])[0]), int(query.get("page", ["1"])[0])
                here = state["discussions"][(page - 1) * size : page * size]
                more = str(page + 1) if len(state["discussions"]) > page * size else ""
                return 200, here, (("X-Next-Page", more), ("X-Page", str(page)), ("X-Per-Page", str(size)))
            case "POST", []:
                if len(body.get("body", "")) > 1_000_000:
                    return 400, {"message": {"note": ["is too long (maximum is 1000000 characters)"]}}, ()
                state["next"] += 1
                note = {"id": state["next"], "body": body["body"], "author": {"username": user}, "system": False}
                note |= {"resolvable": True, "resolved": False}
                discussion = {"id": f"{state['next']:040x}", "individual_note": False, "notes": [note]}
                state["discussions"].append(discussion)
                return 201, discussion, ()
            case "GET", [_] if found:
                return 200, found[0], ()
            case "PUT", [_] if found:
                found[0]["notes"][0]["resolved"] = body["resolved"]
                return 200, found[0], ()
            case "PUT", [_, "notes", _] if found:
                found[0]["notes"][0]["body"] = body["body"]
                return 200, found[0]["notes"][0], ()
            case "DELETE", [_, "notes", _] if found:
                state["discussions"].remove(found[0])
                return 204, None, ()
        return 404, {"message": "404 Not Found"}, ()


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
STATE.write_text(json.dumps(state))
print(server.server_port, flush=True)
server.serve_forever()
