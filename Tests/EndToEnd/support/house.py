"""The catalog that most tests run against, and who is in it."""

import os
import secrets
import subprocess
from dataclasses import dataclass
from pathlib import Path

import jwt
import yaml

from .tokens import SSHKey, run


@dataclass
class Caller:
    """A profile as its client knows it."""

    client: str
    profile: str
    api_token: str
    secret: str | None = None
    key: SSHKey | None = None

    def payload(self, **claims) -> dict:
        """PRODUCT.md's payload, and what a test adds to it."""
        return {"sub": self.api_token, "name": "John Doe"} | claims

    def token(self, **claims) -> str:
        """A token signed by PyJWT."""
        if self.secret is not None:
            return jwt.encode(self.payload(**claims), self.secret, "HS256")
        return jwt.encode(self.payload(**claims), self.key.private, "RS256")


class People:
    """Two clients with fresh keys."""

    def __init__(self, folder: Path):
        self.rsa = Caller("Acme", "acme-rsa", secrets.token_hex(32), key=SSHKey(folder, "acme", "rsa"))
        self.hmac = Caller("Acme", "acme-hmac", secrets.token_hex(32), secret=openssl_secret())
        self.beta = Caller("Beta", "beta-hmac", secrets.token_hex(32), secret=openssl_secret())
        self.beta_rsa = Caller("Beta", "beta-rsa", secrets.token_hex(32), key=SSHKey(folder, "beta", "rsa", 2048))

    def __iter__(self):
        return iter((self.rsa, self.hmac, self.beta, self.beta_rsa))


def openssl_secret() -> str:
    """What people paste: the output of `openssl rand -base64 32`."""
    return run("openssl", "rand", "-base64", "32").decode().strip()


def profile(caller: Caller, *collections: str, **fields) -> dict:
    """One profile as the catalog file writes it."""
    if caller.secret is not None:
        key = {"name": "shared", "secret": caller.secret, "secret_is_base64": False}
    else:
        key = {"name": "laptop", "public_key": caller.key.public_line}
    return {
        "name": caller.profile,
        "method": "jwt",
        "collections": list(collections),
        "keys": [key],
        "api_tokens": [{"name": "default", "token": caller.api_token}],
    } | fields


def endpoint(name: str, path: str, *methods: str, upstream: str = "echo", **fields) -> dict:
    return {"name": name, "methods": list(methods or ["GET"]), "path": path, "upstream": upstream} | fields


def catalog(people: People, echo_url: str, nginx_url: str | None = None, **more) -> dict:
    """The standard catalog: every kind of endpoint over the echo upstream, and nginx when there is one."""
    endpoints = [
        endpoint("call", "/call", "GET", "POST"),
        endpoint("order", "/orders/{id}", "GET", "PUT", "DELETE", upstream_path="/v2/orders/{id}"),
        endpoint("status", "/status", authentication="none"),
        endpoint("open", "/open", "GET", "POST", authentication="none"),
        endpoint("small", "/small", "POST", max_body_bytes=1000),
        endpoint("large", "/large", "POST", max_body_bytes=4_000_000_000, timeout_seconds=120),
        endpoint("quick", "/quick", "GET", "POST", timeout_seconds=1),
        endpoint("passing", "/passing", forward_credential=True),
        endpoint("behave", "/behave/{how}", "GET", "POST", "PUT", "DELETE"),
        endpoint("down", "/down", upstream="down"),
    ]
    upstreams = [
        {"name": "echo", "targets": [{"url": echo_url}]},
        # Port 1 (tcpmux) is privileged, and nobody listens there.
        {"name": "down", "targets": [{"url": "http://127.0.0.1:1"}]},
    ]
    if nginx_url:
        upstreams.append({"name": "nginx", "targets": [{"url": nginx_url}]})
        endpoints.append(endpoint("nginx", "/nginx/{file}", upstream="nginx", upstream_path="/{file}"))
    clients: dict[str, dict] = {}
    for caller in people:
        client = clients.setdefault(caller.client, {"name": caller.client, "profiles": []})
        client["profiles"].append(profile(caller, "api-endpoints-v1"))
    return {
        "upstreams": upstreams,
        "collections": [
            {"name": "API endpoints", "handle": "api-endpoints-v1", "version": "1", "endpoints": endpoints},
            {"name": "Ungranted", "handle": "ungranted", "version": "1", "endpoints": [endpoint("x", "/x")]},
        ],
        "clients": list(clients.values()),
    } | more


class Nginx:
    """A real nginx as an upstream: its own configuration, port and folder."""

    def __init__(self, folder: Path, port: int):
        self.folder, self.port = folder, port
        self.files = folder / "files"
        self.files.mkdir(parents=True)
        # Started as root, its workers would drop to a user who may not read the folder of a test.
        user = "user root;" if os.geteuid() == 0 else ""
        (folder / "nginx.conf").write_text(
            f"""
            daemon off;
            {user}
            worker_processes 1;
            pid {folder}/nginx.pid;
            error_log {folder}/error.log;
            events {{ worker_connections 1024; }}
            http {{
                access_log off;
                client_body_temp_path {folder}/body;
                proxy_temp_path {folder}/proxy;
                fastcgi_temp_path {folder}/fastcgi;
                uwsgi_temp_path {folder}/uwsgi;
                scgi_temp_path {folder}/scgi;
                keepalive_requests 100000;
                server {{
                    listen 127.0.0.1:{port};
                    location / {{ root {self.files}; }}
                    location = /json {{
                        default_type application/json;
                        return 200 '{{"client":"$http_portcullis_client","profile":"$http_portcullis_profile"}}';
                    }}
                }}
            }}
            """
        )
        self.process = subprocess.Popen(
            ["/usr/sbin/nginx", "-c", folder / "nginx.conf", "-p", folder, "-e", folder / "error.log"],
            stderr=subprocess.PIPE,
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


def as_yaml(value: dict) -> str:
    return yaml.dump(value, Dumper=yaml.CSafeDumper, sort_keys=False)
