"""Tokens and keys made by other people's tools: openssl, ssh-keygen, PyJWT, joserfc."""

import base64
import hashlib
import hmac
import json
import subprocess
from functools import cached_property
from pathlib import Path

from cryptography.hazmat.primitives import serialization


def b64(data: bytes) -> str:
    """Base64url without padding (RFC 7515 §2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def run(*command, stdin: bytes = b"") -> bytes:
    """Runs a tool to its end; anything but success fails the test."""
    done = subprocess.run([str(part) for part in command], input=stdin, capture_output=True, timeout=60)
    assert done.returncode == 0, f"{command}: {done.stderr.decode()}"
    return done.stdout


def compact(header, payload, sign) -> str:
    """A compact JWS; header and payload are JSON values, or bytes and text taken as they are."""

    def part(value) -> str:
        if isinstance(value, str):
            value = value.encode()
        return b64(value if isinstance(value, bytes) else json.dumps(value, separators=(",", ":")).encode())

    signed = f"{part(header)}.{part(payload)}"
    return f"{signed}.{b64(sign(signed.encode()))}"


def hs(secret: bytes, digest: str = "sha256"):
    """A signer with an HMAC secret, independent of any JWT library."""
    return lambda signed: hmac.new(secret, signed, getattr(hashlib, digest)).digest()


class SSHKey:
    """A fresh key pair as `ssh-keygen` writes it."""

    def __init__(self, folder: Path, name: str, kind: str, bits: int | None = None):
        self.path = folder / name
        self.public_path = folder / f"{name}.pub"
        size = ["-b", str(bits)] if bits else []
        run("ssh-keygen", "-q", "-t", kind, *size, "-N", "", "-C", f"{name}@laptop", "-f", self.path)

    @property
    def public_line(self) -> str:
        return self.public_path.read_text().strip()

    @cached_property
    def private(self):
        return serialization.load_ssh_private_key(self.path.read_bytes(), None)

    @cached_property
    def pem_path(self) -> Path:
        """The private key as PKCS#8, for openssl."""
        path = self.path.with_suffix(".pkcs8.pem")
        path.write_bytes(private_pem(self.private))
        return path

    @property
    def public_pem(self) -> bytes:
        return public_pem(self.private.public_key())


def private_pem(key, form=serialization.PrivateFormat.PKCS8) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


def public_pem(key, form=serialization.PublicFormat.SubjectPublicKeyInfo) -> bytes:
    return key.public_bytes(serialization.Encoding.PEM, form)


def public_der(key) -> bytes:
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def openssl_rs(pem: Path, digest: str = "sha256", *options):
    """A signer that is `openssl dgst -sign`."""
    return lambda signed: run("openssl", "dgst", f"-{digest}", *options, "-sign", pem, stdin=signed)


def openssl_hs(secret: str, digest: str = "sha256"):
    """A signer that is `openssl dgst -hmac`, as people type it."""
    return lambda signed: run("openssl", "dgst", f"-{digest}", "-hmac", secret, "-binary", stdin=signed)
