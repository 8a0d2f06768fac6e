"""A real OpenID provider on loopback over HTTPS: Authlib's authorization server, and what can go wrong with one."""

import datetime
import ipaddress
import itertools
import socket
import ssl
import threading
import time
from pathlib import Path

import flask
from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import ClientMixin, grants
from authlib.oauth2.rfc9068 import JWTBearerTokenGenerator
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc.jwk import KeySet, RSAKey
from werkzeug.serving import WSGIRequestHandler, make_server


class Authority:
    """A certificate authority of the tests' own."""

    def __init__(self, folder: Path):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Tests' root")])
        constraints = x509.BasicConstraints(ca=True, path_length=None)
        certificate = self._builder(self.name, self.key.public_key()).add_extension(constraints, True)
        self.certificate = certificate.sign(self.key, hashes.SHA256())
        self.path = folder / "ca.pem"
        self.path.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))

    def _builder(self, subject: x509.Name, key) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=30))
        )

    def issue(self, *names: str) -> Path:
        """A server's certificate and key in one PEM file."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, names[0])])
        alternatives = []
        for name in names:
            try:
                alternatives.append(x509.IPAddress(ipaddress.ip_address(name)))
            except ValueError:
                alternatives.append(x509.DNSName(name))
        builder = self._builder(subject, key.public_key())
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), False)
        path = self.folder / f"{names[0].replace(':', '_')}-{x509.random_serial_number()}.pem"
        path.write_bytes(
            builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
            + key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return path


class Client(ClientMixin):
    """A confidential client of the provider."""

    def __init__(self, client_id: str, secret: str):
        self.client_id, self.secret = client_id, secret

    def get_client_id(self):
        return self.client_id

    def check_client_secret(self, secret):
        return secret == self.secret

    def check_endpoint_auth_method(self, method, endpoint):
        return method in ("client_secret_basic", "client_secret_post")

    def check_grant_type(self, grant_type):
        return grant_type == "client_credentials"

    def get_allowed_scope(self, scope):
        return scope or ""


class Provider:
    """An OpenID provider whose keys rotate, and that can be down, slow, huge or mad."""

    def __init__(self, authority: Authority, *, max_age: int | None = None, host: str = "127.0.0.1", name: str | None = None):
        self.host, self.name = host, name or host
        self.max_age = max_age
        self.mode = "good"
        self.redirect_to = ""
        self.named_issuer: str | None = None
        self.fetches = 0
        self.numbers = itertools.count(1)
        self.keys = []
        self.rotate(keep=0)
        self.certificate = authority.issue(self.name, host) if self.name != host else authority.issue(host)
        self.server = None
        with socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET) as listener:
            self.port = listener.getsockname()[1]
        self.start()

    @property
    def origin(self) -> str:
        name = f"[{self.name}]" if ":" in self.name else self.name
        return f"https://{name}:{self.port}"

    # The issuer is a name, and not bound to the port.
    issuer = property(lambda self: self.origin)

    def start(self):
        """Listens; after `stop()` on the same port again."""
        app = self._app()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate)
        self.server = make_server(self.host, self.port, app, threaded=True, ssl_context=context, request_handler=Quiet)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def stop(self):
        if self.server:
            self.server.shutdown()
            self.server.server_close()
            self.server = None

    def rotate(self, keep: int = 1):
        """A new key, and as many of the old ones as are to stay in the set."""
        key = RSAKey.generate_key(2048, {"kid": f"key-{next(self.numbers)}", "use": "sig"})
        self.keys = [key, *self.keys][: keep + 1]

    def _app(self) -> flask.Flask:
        app = flask.Flask("provider")
        clients = {"web": Client("web", "s3cret"), "app": Client("app", "s3cret")}
        server = AuthorizationServer(app, clients.get, lambda token, request: None)
        server.register_grant(grants.ClientCredentialsGrant)
        server.register_token_generator("client_credentials", self._generator())

        @app.post("/token")
        def token():
            return server.create_token_response()

        @app.get("/.well-known/openid-configuration")
        def discovery():
            issuer = self.named_issuer or self.issuer
            return {"issuer": issuer, "jwks_uri": f"{self.origin}/jwks", "token_endpoint": f"{self.origin}/token"}

        @app.get("/jwks")
        def jwks():
            self.fetches += 1
            return self._jwks()

        return app

    def _generator(self):
        provider = self

        class Generator(JWTBearerTokenGenerator):
            def get_jwks(self):
                return KeySet(provider.keys[:1])

            def get_audiences(self, client, user, scope):
                return ["orders"]

            def get_extra_claims(self, client, grant_type, user, scope):
                return {"azp": client.get_client_id()}

        return Generator(issuer=self.issuer, alg="RS256")

    def _jwks(self):
        match self.mode:
            case "good":
                headers = {} if self.max_age is None else {"Cache-Control": f"public, max-age={self.max_age}"}
                keys = [key.as_dict(private=False) for key in self.keys]
                return flask.jsonify(keys=keys), 200, headers
            case "broken":
                return "oops", 500
            case "rubbish":
                return "<html>not keys</html>", 200
            case "empty":
                return {"keys": []}
            case "secret":
                return {"keys": [{"kty": "oct", "k": "c2VjcmV0" * 8, "kid": "oct"}]}
            case "huge":
                return b'{"keys":[' + b" " * 50_000_000 + b"]}", 200
            case "endless":
                return flask.Response(itertools.repeat(b" " * 1000), headers={"Content-Type": "application/json"})
            case "slow":
                return flask.Response(self._drip(), headers={"Content-Type": "application/json"})
            case "redirect":
                return flask.redirect(self.redirect_to)
        raise AssertionError(self.mode)

    @staticmethod
    def _drip():
        for _ in range(600):
            yield b" "
            time.sleep(0.1)

    def token(self, client: str = "web") -> str:
        """An access token as Authlib's server issues it (RFC 9068), through its token endpoint's own code."""
        with self._app().test_client() as caller:
            form = {"grant_type": "client_credentials"}
            answer = caller.post("/token", data=form, base_url=self.origin, auth=(client, "s3cret"))
            assert answer.status_code == 200, answer.data
            return answer.json["access_token"]


class Quiet(WSGIRequestHandler):
    """Says nothing of each request."""

    protocol_version = "HTTP/1.1"

    def log(self, *_):
        pass
