"""Every algorithm and key form, in both directions, with implementations that are not ours."""

import base64
import json
import subprocess

import joserfc.jwk
import joserfc.jws
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa, rsa
from support.gateway import portcullis
from support.tokens import SSHKey, b64, compact, private_pem, public_pem, run, unb64

PRIVATE = serialization.PrivateFormat
PUBLIC = serialization.PublicFormat
CURVES = {"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1(), "ES512": ec.SECP521R1()}
RSA_ALGORITHMS = [f"{family}{size}" for family in ("RS", "PS") for size in (256, 384, 512)]
ASYMMETRIC = [*RSA_ALGORITHMS, *CURVES, "EdDSA", "ML-DSA-65", "ML-DSA-87"]
HMAC = ["HS256", "HS384", "HS512"]
PAYLOAD = {"sub": "ab" * 32, "name": "John Doe"}


def make_key(algorithm: str):
    if algorithm in RSA_ALGORITHMS:
        return rsa.generate_private_key(65537, 2048)
    if algorithm in CURVES:
        return ec.generate_private_key(CURVES[algorithm])
    if algorithm == "EdDSA":
        return ed25519.Ed25519PrivateKey.generate()
    return {"ML-DSA-65": mldsa.MLDSA65PrivateKey, "ML-DSA-87": mldsa.MLDSA87PrivateKey}[algorithm].generate()


@pytest.fixture(scope="module")
def keys():
    """One private key for each algorithm; the RSA ones share theirs."""
    shared = make_key("RS256")
    return {name: shared if name in RSA_ALGORITHMS else make_key(name) for name in ASYMMETRIC}


def independently_signed(algorithm: str, key) -> str:
    if algorithm.startswith("ML-DSA"):
        return compact({"alg": algorithm}, PAYLOAD, key.sign)
    return jwt.encode(PAYLOAD, key, algorithm)


def independently_verified(token: str, algorithm: str, key) -> dict:
    if algorithm.startswith("ML-DSA"):
        signed, _, signature = token.rpartition(".")
        key.public_key().verify(unb64(signature), signed.encode())
        assert json.loads(unb64(signed.split(".")[0]))["alg"] == algorithm
        return json.loads(unb64(signed.split(".")[1]))
    pem = private_pem(key)
    importer = {"E": joserfc.jwk.ECKey, "R": joserfc.jwk.RSAKey, "P": joserfc.jwk.RSAKey}[algorithm[0]]
    if algorithm == "EdDSA":
        importer = joserfc.jwk.OKPKey
    found = joserfc.jws.deserialize_compact(token, importer.import_key(pem), algorithms=[algorithm])
    return json.loads(found.payload)


def verify(tmp_path, token: str, key: bytes | str, *options):
    key_file, token_file = tmp_path / "key", tmp_path / "token"
    key_file.write_bytes(key if isinstance(key, bytes) else key.encode())
    token_file.write_text(token)
    return portcullis("jws", "verify", "--key", key_file, "--token-file", token_file, *options)


def mint(*arguments, claims=PAYLOAD):
    flags = [part for name, value in claims.items() for part in ("--claim", f"{name}={value}")]
    done = portcullis("token", "mint", *arguments, *flags)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("algorithm", ASYMMETRIC)
def test_what_others_sign_we_verify(tmp_path, keys, algorithm):
    token = independently_signed(algorithm, keys[algorithm])
    public = public_pem(keys[algorithm].public_key())
    done = verify(tmp_path, token, public, "--alg", algorithm)
    assert done.returncode == 0, done.stderr
    other = public_pem(make_key(algorithm).public_key())
    assert verify(tmp_path, token, other, "--alg", algorithm).returncode == 1
    head, _, tail = token.rpartition(".")
    changed = bytearray(unb64(tail))
    changed[len(changed) // 2] ^= 1
    assert verify(tmp_path, f"{head}.{b64(bytes(changed))}", public, "--alg", algorithm).returncode == 1


@pytest.mark.parametrize("algorithm", ASYMMETRIC)
def test_what_we_sign_others_verify(tmp_path, keys, algorithm):
    file = tmp_path / "private.pem"
    file.write_bytes(private_pem(keys[algorithm]))
    token = mint("--key", file, "--alg", algorithm)
    claims = independently_verified(token, algorithm, keys[algorithm])
    assert claims.items() >= PAYLOAD.items()
    assert "exp" in claims, "a token that we mint always expires"


@pytest.mark.parametrize("algorithm", HMAC)
@pytest.mark.parametrize("is_base64", [False, True], ids=["as pasted", "Base64-decoded"])
def test_hmac_both_ways(tmp_path, algorithm, is_base64):
    text = run("openssl", "rand", "-base64", "64").decode().replace("\n", "")
    secret = base64.b64decode(text) if is_base64 else text.encode()
    file = tmp_path / "secret"
    file.write_text(text)
    switch = ["--secret-is-base64"] if is_base64 else []
    token = mint("--secret-file", file, "--alg", algorithm, *switch)
    assert jwt.decode(token, secret, [algorithm]).items() >= PAYLOAD.items()
    # With the final newline that every editor and shell writes.
    file.write_text(text + "\n")
    assert jwt.decode(mint("--secret-file", file, "--alg", algorithm, *switch), secret, [algorithm])


# Private keys as people have them: the form and what makes its bytes.
PRIVATE_FORMS = {
    "RSA PKCS#8": ("RS256", lambda key: private_pem(key)),
    "RSA PKCS#1": ("RS256", lambda key: private_pem(key, PRIVATE.TraditionalOpenSSL)),
    "RSA OpenSSH": ("RS256", lambda key: private_pem(key, PRIVATE.OpenSSH)),
    "EC SEC1": ("ES256", lambda key: private_pem(key, PRIVATE.TraditionalOpenSSL)),
    "EC PKCS#8": ("ES384", lambda key: private_pem(key)),
    "EC OpenSSH": ("ES512", lambda key: private_pem(key, PRIVATE.OpenSSH)),
    "Ed25519 PKCS#8": ("EdDSA", lambda key: private_pem(key)),
    "Ed25519 OpenSSH": ("EdDSA", lambda key: private_pem(key, PRIVATE.OpenSSH)),
    "RSA JWK": ("PS256", lambda key: jwk_text(joserfc.jwk.RSAKey, key)),
    "EC JWK": ("ES256", lambda key: jwk_text(joserfc.jwk.ECKey, key)),
    "Ed25519 JWK": ("EdDSA", lambda key: jwk_text(joserfc.jwk.OKPKey, key)),
}


def jwk_text(kind, key, private: bool = True) -> bytes:
    return json.dumps(kind.import_key(private_pem(key)).as_dict(private=private)).encode()


@pytest.mark.parametrize("form", PRIVATE_FORMS)
def test_private_key_forms(tmp_path, keys, form):
    algorithm, write = PRIVATE_FORMS[form]
    file = tmp_path / "private"
    file.write_bytes(write(keys[algorithm]))
    independently_verified(mint("--key", file, "--alg", algorithm), algorithm, keys[algorithm])


def certificate(key) -> bytes:
    done = subprocess.run(
        ["openssl", "req", "-x509", "-new", "-key", "/dev/stdin", "-subj", "/CN=acme", "-days", "2"],
        input=private_pem(key),
        capture_output=True,
        check=True,
    )
    return done.stdout


PUBLIC_FORMS = {
    "RSA SPKI": ("RS256", lambda key: public_pem(key.public_key())),
    "RSA PKCS#1": ("RS384", lambda key: public_pem(key.public_key(), PUBLIC.PKCS1)),
    "RSA certificate": ("RS512", certificate),
    "RSA JWK": ("PS384", lambda key: jwk_text(joserfc.jwk.RSAKey, key, private=False)),
    "RSA OpenSSH": ("PS512", lambda key: openssh(key)),
    "RSA CRLF": ("RS256", lambda key: public_pem(key.public_key()).replace(b"\n", b"\r\n")),
    "RSA no final newline": ("RS256", lambda key: public_pem(key.public_key()).strip()),
    "EC SPKI": ("ES512", lambda key: public_pem(key.public_key())),
    "EC certificate": ("ES256", certificate),
    "EC OpenSSH": ("ES384", lambda key: openssh(key)),
    "EC JWK": ("ES384", lambda key: jwk_text(joserfc.jwk.ECKey, key, private=False)),
    "Ed25519 OpenSSH": ("EdDSA", lambda key: openssh(key)),
    "Ed25519 JWK": ("EdDSA", lambda key: jwk_text(joserfc.jwk.OKPKey, key, private=False)),
    "Ed25519 certificate": ("EdDSA", certificate),
    "JWK set": ("ES256", lambda key: b'{"keys":[' + jwk_text(joserfc.jwk.ECKey, key, private=False) + b"]}"),
}


def openssh(key) -> bytes:
    public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, PUBLIC.OpenSSH)
    return public + b" jdoe@laptop\n"


@pytest.mark.parametrize("form", PUBLIC_FORMS)
def test_public_key_forms(tmp_path, keys, form):
    algorithm, write = PUBLIC_FORMS[form]
    token = independently_signed(algorithm, keys[algorithm])
    done = verify(tmp_path, token, write(keys[algorithm]), "--alg", algorithm)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "kind, bits", [("rsa", None), ("ed25519", None), ("ecdsa", 256), ("ecdsa", 384), ("ecdsa", 521)]
)
def test_keys_of_ssh_keygen(tmp_path, kind, bits):
    key = SSHKey(tmp_path, "id", kind, bits)
    token = mint("--key", key.path)
    done = verify(tmp_path, token, key.public_line)
    assert done.returncode == 0, done.stderr


# What is pasted by mistake or too weak: refused as usage of a bad key, with words that say what to do.
BAD_KEYS = {
    "a private key": (lambda key: private_pem(key), "private"),
    "an OpenSSH private key": (lambda key: private_pem(key, PRIVATE.OpenSSH), "private"),
    "RSA of 1024 bits": (lambda _: public_pem(rsa.generate_private_key(65537, 1024).public_key()), "2048"),
    "nothing": (lambda _: b"", ""),
    "prose": (lambda _: b"my public key", ""),
    "half a key": (lambda key: public_pem(key.public_key())[:200], ""),
    "DSA": (lambda _: b"ssh-dss AAAAB3NzaC1kc3MAAACBAJ== x", ""),
    "a P-224 key": (lambda _: public_pem(ec.generate_private_key(ec.SECP224R1()).public_key()), ""),
}


@pytest.mark.parametrize("mistake", BAD_KEYS)
def test_bad_public_keys_are_refused_by_the_admin_api(house, keys, mistake):
    make, word = BAD_KEYS[mistake]
    profile = house.find("profiles", name="acme-rsa")
    answer = house.admin(
        "POST", f"/profiles/{profile['id']}/keys", {"name": "mistake", "public_key": make(keys["RS256"]).decode()}
    )
    assert 400 <= answer.status < 500 and answer.code, answer
    assert word in answer.body.decode(), answer.body
    assert b"BEGIN" not in answer.body or b"PRIVATE KEY-----\\n" not in answer.body


@pytest.mark.parametrize(
    "secret", ["secret", "your-256-bit-secret", "your-256-bit-secret-your-256-bit-secret", "x" * 31, "a" * 64, ""]
)
def test_weak_secrets_are_refused_by_the_admin_api(house, secret):
    profile = house.find("profiles", name="acme-hmac")
    answer = house.admin("POST", f"/profiles/{profile['id']}/keys", {"name": "weak", "secret": secret})
    assert 400 <= answer.status < 500 and answer.code, answer


def test_every_algorithm_through_the_gateway(own, keys):
    api_tokens = {algorithm: f"{index:02d}" * 32 for index, algorithm in enumerate(ASYMMETRIC)}
    profiles = [
        {
            "name": algorithm,
            "method": "jwt",
            "collections": ["api-endpoints-v1"],
            "keys": [{"name": "k", "public_key": public_pem(keys[algorithm].public_key()).decode()}],
            "api_tokens": [{"name": "t", "token": api_tokens[algorithm]}],
        }
        for algorithm in ASYMMETRIC
    ]
    own.apply({"clients": [{"name": "Many", "profiles": profiles}]})
    for algorithm in ASYMMETRIC:
        claims = {"sub": api_tokens[algorithm]}
        if algorithm.startswith("ML-DSA"):
            token = compact({"alg": algorithm}, claims, keys[algorithm].sign)
        else:
            token = jwt.encode(claims, keys[algorithm], algorithm)
        answer = own.get("/api-endpoints-v1/call", token)
        assert answer.status == 200, (algorithm, answer, own.decision(answer))
