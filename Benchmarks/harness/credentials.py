"""Keys, tokens and catalogs, made afresh for each run."""

import base64
import hashlib
import hmac
import json
import os
import secrets
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

ALGORITHMS = ("HS256", "RS256", "ES256")


def encoded(data: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _number(value: int, length: int | None = None) -> str:
    return encoded(value.to_bytes(length or (value.bit_length() + 7) // 8, "big"))


class Credentials:
    """One client with a key for each algorithm, and the tokens that it signs."""

    def __init__(self, folder: Path):
        self.secret = secrets.token_urlsafe(32)
        self.api_tokens = {algorithm: secrets.token_hex(32) for algorithm in ALGORITHMS}
        self.rsa_key = rsa.generate_private_key(65537, 2048)
        self.ec_key = ec.generate_private_key(ec.SECP256R1())
        self.files = {"RS256": folder / "rsa.pem", "ES256": folder / "ec.pem"}
        for algorithm, key in (("RS256", self.rsa_key), ("ES256", self.ec_key)):
            self.files[algorithm].write_bytes(self._public_pem(key))

    @staticmethod
    def _public_pem(key) -> bytes:
        return key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    def public_pem(self, algorithm: str) -> str:
        """The public key as PEM."""
        return self.files[algorithm].read_text()

    def jwk_set(self, algorithm: str) -> str:
        """The key as a JWK set, which is what Envoy takes."""
        if algorithm == "HS256":
            key = {"kty": "oct", "k": encoded(self.secret.encode())}
        elif algorithm == "RS256":
            numbers = self.rsa_key.public_key().public_numbers()
            key = {"kty": "RSA", "n": _number(numbers.n), "e": _number(numbers.e)}
        else:
            point = self.ec_key.public_key().public_numbers()
            key = {"kty": "EC", "crv": "P-256", "x": _number(point.x, 32), "y": _number(point.y, 32)}
        return json.dumps({"keys": [key | {"alg": algorithm}]})

    def token(self, algorithm: str, number: int = 0, lifetime: int = 86_400, api_token: str | None = None,
              secret: str | None = None) -> str:
        """A signed token; tokens with other numbers are others."""
        now = int(time.time())
        claims = {
            "sub": api_token or self.api_tokens[algorithm], "name": "John Doe", "iss": "bench",
            "iat": min(now, now + lifetime) - 1, "exp": now + lifetime, "jti": f"{number:08d}",
        }
        parts = ({"alg": algorithm, "typ": "JWT"}, claims)
        signed = ".".join(encoded(json.dumps(part, separators=(",", ":")).encode()) for part in parts)
        return f"{signed}.{encoded(self._signature(algorithm, signed.encode(), secret or self.secret))}"

    def _signature(self, algorithm: str, signed: bytes, secret: str) -> bytes:
        if algorithm == "HS256":
            return hmac.new(secret.encode(), signed, hashlib.sha256).digest()
        if algorithm == "RS256":
            return self.rsa_key.sign(signed, padding.PKCS1v15(), hashes.SHA256())
        r, s = decode_dss_signature(self.ec_key.sign(signed, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    def tokens(self, algorithm: str, count: int, first: int = 0) -> list[str]:
        """Many tokens, signed on all cores."""
        if count < 500:
            return [self.token(algorithm, number) for number in range(first, first + count)]
        parts = [(algorithm, start, min(500, first + count - start)) for start in range(first, first + count, 500)]
        with ProcessPoolExecutor(os.cpu_count(), initializer=_adopt, initargs=(self._portable(),)) as pool:
            return [token for part in pool.map(_sign, parts) for token in part]

    def _portable(self) -> tuple:
        private = self.rsa_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return self.secret, self.api_tokens, private


def spoiled(token: str) -> str:
    """The token with another signature of the same length."""
    place = len(token) - 20
    return token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1:]


_own: Credentials


def _adopt(portable: tuple) -> None:
    global _own
    _own = Credentials.__new__(Credentials)
    _own.secret, _own.api_tokens, private = portable
    _own.rsa_key = serialization.load_pem_private_key(private, None)


def _sign(part: tuple[str, int, int]) -> list[str]:
    algorithm, first, count = part
    return [_own.token(algorithm, number) for number in range(first, first + count)]


def catalog(credentials: Credentials, upstream: int, endpoints: int = 3, profiles: int = 0) -> str:
    """A catalog file: the client with its keys, and as many further endpoints and profiles."""
    lines = [
        "upstreams:", f'  - {{ name: up, targets: [{{ url: "http://127.0.0.1:{upstream}" }}] }}', "collections:",
        '  - name: API', "    handle: api", '    version: "1"', "    endpoints:",
        "      - { name: call, methods: [GET, POST], path: /call, upstream: up }",
        "      - { name: open, methods: [GET], path: /open, upstream: up, authentication: none }",
        "      - { name: file, methods: [GET, POST], path: '/body/{name}', upstream: up, authentication: none }",
    ]
    lines += [
        f"      - {{ name: e{number}, methods: [GET], path: '/r{number}/{{id}}/x', upstream: up, authentication: none }}"
        for number in range(max(0, endpoints - 3))
    ]
    lines += ["clients:", "  - name: Acme", "    profiles:"]
    lines += [
        "      - { name: hmac, method: jwt, collections: [api], "
        f'keys: [{{ name: k, secret: "{credentials.secret}" }}], '
        f'api_tokens: [{{ name: t, token: "{credentials.api_tokens["HS256"]}" }}] }}'
    ]
    for algorithm in ("RS256", "ES256"):
        lines += [f"      - name: {algorithm.lower()}", "        method: jwt", "        collections: [api]",
                  "        keys:", "          - name: k", "            public_key: |"]
        lines += [f"              {line}" for line in credentials.public_pem(algorithm).splitlines()]
        lines += [f'        api_tokens: [{{ name: t, token: "{credentials.api_tokens[algorithm]}" }}]']
    for number in range(profiles):
        secret, api_token = profile_credentials(number)
        lines += [
            f"  - {{ name: Client {number}, profiles: [{{ name: p, method: jwt, collections: [api], "
            f'keys: [{{ name: k, secret: "{secret}" }}], api_tokens: [{{ name: t, token: "{api_token}" }}] }}] }}'
        ]
    return "\n".join(lines) + "\n"


def profile_credentials(number: int) -> tuple[str, str]:
    """Secret and API token of a further profile."""
    digest = hashlib.sha256(f"profile {number}".encode()).hexdigest()
    return digest[:43], hashlib.sha256(digest.encode()).hexdigest()
