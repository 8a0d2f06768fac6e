"""Tokens that other people's tools sign get through; everything near them is refused with the right code."""

import base64
import hashlib
import json
import time

import joserfc.jwk
import joserfc.jws
import joserfc.jwt
import jwt
import pytest
from support.gateway import bearer
from support.tokens import b64, compact, hs, openssl_hs, openssl_rs, public_der, run, unb64
from support.waiting import until

CALL = "/api-endpoints-v1/call?email=john-doe%40acme.com"
RS, HS = {"alg": "RS256", "typ": "JWT"}, {"alg": "HS256", "typ": "JWT"}

# Who signed: people -> token.
SIGNED = {
    "openssl dgst, RS256": lambda p: compact(RS, p.rsa.payload(), openssl_rs(p.rsa.key.pem_path)),
    "openssl dgst, HS256": lambda p: compact(HS, p.hmac.payload(), openssl_hs(p.hmac.secret)),
    "PyJWT, RS256": lambda p: jwt.encode(p.rsa.payload(), p.rsa.key.private, "RS256"),
    "PyJWT, HS256": lambda p: jwt.encode(p.hmac.payload(), p.hmac.secret, "HS256"),
    "joserfc, RS256": lambda p: joserfc.jwt.encode(
        {"alg": "RS256"}, p.rsa.payload(), joserfc.jwk.RSAKey.import_key(p.rsa.key.pem_path.read_bytes())
    ),
    "joserfc, HS256": lambda p: joserfc.jwt.encode(
        {"alg": "HS256"}, p.hmac.payload(), joserfc.jwk.OctKey.import_key(p.hmac.secret)
    ),
}

# Payloads around the plain one that are sound.
ACCEPTED_PAYLOADS = {
    "no name": lambda p: {"sub": p.hmac.api_token},
    "an expiry ahead": lambda p: p.hmac.payload(exp=int(time.time()) + 60),
    "an expiry with a fraction": lambda p: p.hmac.payload(exp=time.time() + 60.5),
    "expired, within the leeway": lambda p: p.hmac.payload(exp=int(time.time()) - 10),
    "not before, within the leeway": lambda p: p.hmac.payload(nbf=int(time.time()) + 10),
    "identity in urn:portcullis:sub": lambda p: {"urn:portcullis:sub": p.hmac.api_token, "sub": "someone else"},
    "identity in portcullis_sub": lambda p: {"portcullis_sub": p.hmac.api_token, "sub": "someone else"},
    "an empty claim is passed over": lambda p: {"portcullis_sub": "", "sub": p.hmac.api_token},
    "a name beyond ASCII": lambda p: p.hmac.payload(name="Zoë 王 😀"),
    "a nested claim": lambda p: p.hmac.payload(roles={"a": [1, 2, {"b": None}]}),
    "white space inside the JSON": lambda p: json.dumps(p.hmac.payload(), indent=4),
}


def now() -> int:
    return int(time.time())


def with_members(p, extra: str) -> str:
    """The payload with members written by hand: what a JSON library would not write."""
    return f'{{"sub":"{p.hmac.api_token}","name":"John Doe",{extra}}}'


# Payloads signed with the right secret that are refused: code and payload, the reason as the name.
REFUSED_PAYLOADS = {
    "expired": ("token_expired", lambda p: p.hmac.payload(exp=now() - 3600)),
    "expired just beyond the leeway": ("token_expired", lambda p: p.hmac.payload(exp=now() - 32)),
    "expiry is zero": ("token_expired", lambda p: p.hmac.payload(exp=0)),
    "expiry is negative": ("token_expired", lambda p: p.hmac.payload(exp=-1)),
    "not yet valid": ("token_not_yet_valid", lambda p: p.hmac.payload(nbf=now() + 3600)),
    "issued in the future": ("token_not_yet_valid", lambda p: p.hmac.payload(iat=now() + 3600)),
    "expired, with a fraction": ("token_expired", lambda p: p.hmac.payload(exp=now() - 40.25)),
    # A time that is no NumericDate must never read as "no expiry".
    "expiry as text": (None, lambda p: p.hmac.payload(exp=f"{now() + 3600}")),
    "expiry as null": (None, lambda p: p.hmac.payload(exp=None)),
    "expiry as true": (None, lambda p: p.hmac.payload(exp=True)),
    "expiry as list": (None, lambda p: p.hmac.payload(exp=[now() + 3600])),
    "not-before as text": (None, lambda p: p.hmac.payload(nbf=f"{now() - 3600}")),
    "huge not-before": (None, lambda p: with_members(p, '"nbf":1e400')),
    "huge negative expiry": (None, lambda p: with_members(p, '"exp":-1e400')),
    "not-before beyond 64 bits": (None, lambda p: with_members(p, '"nbf":18446744073709551616')),
    "expiry below 64 bits": (None, lambda p: with_members(p, '"exp":-9223372036854775809')),
    "expiry twice": ("invalid_token", lambda p: with_members(p, f'"exp":{now() + 60},"exp":{now() + 60}')),
    "sub twice": ("invalid_token", lambda p: with_members(p, f'"sub":"{p.rsa.api_token}"')),
    "sub twice, once escaped": ("invalid_token", lambda p: with_members(p, f'"s\\u0075b":"{p.rsa.api_token}"')),
    "nested 10,000 deep": ("invalid_token", lambda p: with_members(p, '"x":' + "[" * 3000 + "]" * 3000)),
    "payload over 10,240 bytes": ("invalid_token", lambda p: p.hmac.payload(x="x" * 10_240)),
    "bad UTF-8": ("invalid_token", lambda p: with_members(p, '"x":"').encode()[:-1] + b'\xff"}'),
    "lone surrogate": ("invalid_token", lambda p: with_members(p, '"x":"\\ud800"')),
    "a comma too many": ("invalid_token", lambda p: with_members(p, '"x":1,')),
    "a comment": ("invalid_token", lambda p: with_members(p, '/**/"x":1')),
    "single quotes": ("invalid_token", lambda p: with_members(p, "'x':1")),
    "a leading zero": ("invalid_token", lambda p: with_members(p, '"x":01')),
    "NaN": ("invalid_token", lambda p: with_members(p, '"x":NaN')),
    "a control character in a text": ("invalid_token", lambda p: with_members(p, '"x":"\n"')),
    "bytes after the object": ("invalid_token", lambda p: json.dumps(p.hmac.payload()) + " {}"),
    "a byte order mark": ("invalid_token", lambda p: b"\xef\xbb\xbf" + json.dumps(p.hmac.payload()).encode()),
    "a list": ("invalid_token", lambda p: [p.hmac.payload()]),
    "a text": ("invalid_token", lambda p: json.dumps(p.hmac.api_token)),
    "null": ("invalid_token", lambda p: "null"),
    "nothing": ("invalid_token", lambda p: ""),
    "no identity": ("invalid_token", lambda p: {"name": "John Doe"}),
    "identity is a number": ("invalid_token", lambda p: {"sub": 5}),
    "identity is a list": ("invalid_token", lambda p: {"sub": [p.hmac.api_token]}),
    "identity in upper case": ("invalid_token", lambda p: {"sub": p.hmac.api_token.upper()}),
    "identity with a space": ("invalid_token", lambda p: {"sub": p.hmac.api_token + " "}),
    "identity is the digest": (
        "invalid_token",
        lambda p: {"sub": hashlib.sha256(p.hmac.api_token.encode()).hexdigest()},
    ),
    "identity of another profile": ("invalid_token", lambda p: {"sub": p.rsa.api_token}),
    "unknown identity": ("invalid_token", lambda p: {"sub": "0" * 64}),
}

# Headers over a payload signed as HS256 with the right secret, refused as invalid_token.
REFUSED_HEADERS = {
    "alg none": {"alg": "none"},
    "alg missing": {"typ": "JWT"},
    "alg null": {"alg": None},
    "alg a number": {"alg": 256},
    "alg a list": {"alg": ["HS256"]},
    "alg empty": {"alg": ""},
    "alg in lower case": {"alg": "hs256"},
    "alg with a space": {"alg": "HS256 "},
    "alg unknown": {"alg": "HS1"},
    "alg of encryption": {"alg": "dir", "enc": "A256GCM"},
    "alg of an RSA key": {"alg": "RS256"},
    "alg twice": '{"alg":"HS256","alg":"HS256"}',
    "alg twice, once none": '{"alg":"none","alg":"HS256"}',
    "crit unknown": {"alg": "HS256", "crit": ["exp"], "exp": 1},
    "crit empty": {"alg": "HS256", "crit": []},
    "crit names b64": {"alg": "HS256", "crit": ["b64"], "b64": True},
    "crit no list": {"alg": "HS256", "crit": "exp"},
    "b64 false": {"alg": "HS256", "b64": False},
    "b64 false and critical": {"alg": "HS256", "b64": False, "crit": ["b64"]},
    "a nested token": {"alg": "HS256", "cty": "JWT", "typ": "JWE"},
    "typ of another kind": {"alg": "HS256", "typ": "dpop+jwt"},
    "a list": '["HS256"]',
    "no JSON": "HS256",
    "nested 500 deep": '{"alg":"HS256","x":' + "[" * 500 + "]" * 500 + "}",
    "oversized": {"alg": "HS256", "x": "x" * 12_000},
}


def refused(house, token: str, code: str | None = "invalid_token"):
    answer = house.get(CALL, token)
    assert answer.status == 401, (answer, house.decision(answer) if answer.status != 200 else None)
    assert answer.code == code if code else answer.code in ("invalid_token", "token_expired", "token_not_yet_valid")
    challenge = answer.header("www-authenticate")
    assert challenge and challenge.startswith("Bearer") and 'error="invalid_token"' in challenge, challenge
    return answer


@pytest.mark.parametrize("tool", SIGNED)
def test_a_token_signed_elsewhere_gets_through(house, people, upstream, tool):
    before = len(upstream.received)
    answer = house.get(CALL, SIGNED[tool](people))
    assert answer.status == 200, (answer, house.decision(answer))
    arrived = upstream.received[before:]
    assert [request.target for request in arrived] == ["/call?email=john-doe%40acme.com"]
    assert arrived[0].all("authorization") == []


@pytest.mark.parametrize("reason", ACCEPTED_PAYLOADS)
def test_a_sound_payload_gets_through(house, people, reason):
    token = compact(HS, ACCEPTED_PAYLOADS[reason](people), hs(people.hmac.secret.encode()))
    answer = house.get(CALL, token)
    assert answer.status == 200, (answer, house.decision(answer))


def test_the_kid_names_the_profile_last(house, people):
    sign = hs(people.hmac.secret.encode())
    named = {"alg": "HS256", "kid": people.hmac.api_token}
    assert house.get(CALL, compact(named, {"name": "John Doe"}, sign)).status == 200
    # A claim that is there wins over the kid, also when it names nobody.
    refused(house, compact(named, {"sub": "0" * 64}, sign))


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_is_case_insensitive(house, people, scheme):
    answer = house.call("GET", CALL, [("Authorization", f"{scheme} {people.hmac.token()}")])
    assert answer.status == 200, answer


@pytest.mark.parametrize("reason", REFUSED_PAYLOADS)
def test_a_bad_payload_is_refused(house, people, reason):
    code, payload = REFUSED_PAYLOADS[reason]
    refused(house, compact(HS, payload(people), hs(people.hmac.secret.encode())), code)


@pytest.mark.parametrize("reason", REFUSED_HEADERS)
def test_a_bad_header_is_refused(house, people, reason):
    token = compact(REFUSED_HEADERS[reason], people.hmac.payload(), hs(people.hmac.secret.encode()))
    refused(house, token)


@pytest.mark.parametrize("spelling", ["none", "None", "NONE", "nOnE", "none ", "nonе", "none\\u0000"])
@pytest.mark.parametrize("signature", [b"", b"\0", b"\0" * 32])
def test_alg_none_is_refused_in_any_spelling(house, people, spelling, signature):
    refused(house, compact(f'{{"alg":"{spelling}"}}', people.rsa.payload(), lambda _: signature))


# Every form of the public key that a confused verifier could take as an HMAC secret.
PUBLIC_KEY_FORMS = {
    "OpenSSH line": lambda key: key.public_line.encode(),
    "OpenSSH line with newline": lambda key: key.public_line.encode() + b"\n",
    "OpenSSH line without comment": lambda key: b" ".join(key.public_line.encode().split()[:2]),
    "OpenSSH blob": lambda key: base64.b64decode(key.public_line.split()[1]),
    "PEM with final newline": lambda key: key.public_pem,
    "PEM without final newline": lambda key: key.public_pem.rstrip(b"\n"),
    "PEM with CRLF": lambda key: key.public_pem.replace(b"\n", b"\r\n"),
    "DER": lambda key: public_der(key.private.public_key()),
    "PKCS#1 PEM": lambda key: run("openssl", "rsa", "-in", key.pem_path, "-RSAPublicKey_out"),
    "nothing": lambda key: b"",
}


@pytest.mark.parametrize("form", PUBLIC_KEY_FORMS)
@pytest.mark.parametrize("digest", ["sha256", "sha512"])
def test_the_public_key_is_no_hmac_secret(house, people, form, digest):
    secret = PUBLIC_KEY_FORMS[form](people.rsa.key)
    refused(house, compact({"alg": f"HS{digest[3:]}"}, people.rsa.payload(), hs(secret, digest)))


def test_every_single_changed_bit_is_refused(house, people):
    """One connection, bits of the signature and every byte of the payload, RS256 and HS256.

    The sound token is in the cache all the while: what is nearly the same must not be taken for it.
    """
    for token in (people.hmac.token(), people.rsa.token()):
        assert house.get(CALL, token).status == 200
        header, payload, signature = token.split(".")
        raw = unb64(signature)
        with house.connect() as wire:
            for bit in range(0, len(raw) * 8, 7 if len(raw) > 64 else 1):
                changed = bytearray(raw)
                changed[bit // 8] ^= 1 << bit % 8
                self_made = f"{header}.{payload}.{b64(bytes(changed))}"
                wire.send(f"GET {CALL} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self_made}\r\n\r\n".encode())
                answer = wire.read()
                assert (answer.status, answer.code) == (401, "invalid_token"), f"bit {bit}"
            claims = bytearray(unb64(payload))
            for index in range(len(claims)):
                changed = bytearray(claims)
                changed[index] ^= 1
                self_made = f"{header}.{b64(bytes(changed))}.{signature}"
                wire.send(f"GET {CALL} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self_made}\r\n\r\n".encode())
                answer = wire.read()
                assert (answer.status, answer.code) == (401, "invalid_token"), f"byte {index}"
        assert house.get(CALL, token).status == 200


def test_a_remembered_token_expires_at_its_time(house, people):
    """Within the leeway of 30 seconds now, and beyond it in a moment; it is in the cache from the first call on."""
    token = people.hmac.token(exp=now() - 27)
    assert house.get(CALL, token).status == 200
    refusal = until("the expiry", lambda: (answer := house.get(CALL, token)).status != 200 and answer)
    assert (refusal.status, refusal.code) == (401, "token_expired")


def mangled(token: str) -> dict[str, str]:
    header, payload, signature = token.split(".")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    spare = alphabet[alphabet.index(signature[-1]) ^ 1]
    return {
        "padding": f"{header}.{payload}.{signature}=",
        "padding on the payload": f"{header}.{payload}=.{signature}",
        "trailing bits of the signature": f"{header}.{payload}.{signature[:-1]}{spare}",
        "a character too many": f"{token}A",
        "a character too few": token[:-1],
        "no signature": f"{header}.{payload}.",
        "two parts": f"{header}.{payload}",
        "four parts": f"{token}.{signature}",
        "five parts, as encrypted": f"{token}.{payload}.{signature}",
        "a dot too many": f"{token}.",
        "a dot before": f".{token}",
        "parts swapped": f"{payload}.{header}.{signature}",
        "plain Base64 characters": f"{header}.{payload}.{signature.replace('-', '+').replace('_', '/')}+",
        "an escaped dot": token.replace(".", "%2e"),
        "a byte beyond ASCII": f"{header}.{payload}.é{signature}",
        "quotes": f'"{token}"',
        "dots alone": "..",
        "one letter": "a",
    }


@pytest.mark.parametrize("kind", ["hmac", "rsa"])
@pytest.mark.parametrize("reason", mangled("a.b.c"))
def test_a_mangled_token_is_refused(house, people, kind, reason):
    caller = getattr(people, kind)
    # Base64url of 32 and of 384 bytes: the first has spare bits in its last character, the second has none.
    if reason == "trailing bits of the signature" and kind == "rsa":
        reason = "a character too few"
    answer = house.get(CALL, mangled(caller.token())[reason])
    assert (answer.status, answer.code) in [(401, "invalid_token"), (400, "bad_request")], answer
    if "beyond ASCII" not in reason:
        assert answer.code == "invalid_token"


@pytest.mark.parametrize("inside", [" ", "\t", "  "])
def test_white_space_in_a_token_is_refused(house, people, inside):
    token = people.hmac.token()
    answer = house.get(CALL, f"{token[:40]}{inside}{token[40:]}")
    assert (answer.status, answer.code) in [(401, "invalid_token"), (400, "credential_ambiguous")], answer


def test_without_a_credential(house):
    answer = house.get(CALL)
    assert (answer.status, answer.code) == (401, "credential_missing")
    # RFC 6750 §3.1: no error code when the request carries no authentication at all.
    challenge = answer.header("www-authenticate")
    assert challenge.startswith("Bearer") and "error=" not in challenge


@pytest.mark.parametrize(
    "value", ["", "Bearer", "Bearer ", "Basic dXNlcjpwYXNz", "Bearertoken", "Digest x=y"], ids=lambda v: v or "empty"
)
def test_what_is_no_bearer_credential(house, value):
    answer = house.call("GET", CALL, [("Authorization", value)])
    assert answer.status == 401 and answer.code in ("credential_missing", "invalid_token"), answer


def test_two_credentials_are_ambiguous(house, people):
    token = people.hmac.token()
    for headers in (
        bearer(token) * 2,
        bearer(token) + [("Authorization", "Basic dXNlcjpwYXNz")],
        bearer(token) + [("authorization", f"bearer {people.rsa.token()}")],
        [("Authorization", f"Bearer {token}, Bearer {token}")],
    ):
        answer = house.call("GET", CALL, headers)
        assert (answer.status, answer.code) == (400, "credential_ambiguous"), (headers, answer)


def test_the_problem_document(house, people):
    answer = house.get(CALL, "not.a.token")
    problem = answer.json
    assert answer.header("content-type").startswith("application/problem+json")
    assert set(problem) >= {"type", "title", "status", "code", "detail", "request_id"}
    assert problem["status"] == 401 and problem["request_id"] == answer.header("x-request-id")
    # The record says what the caller is not told.
    decision = house.decision(answer)
    assert decision["code"] == "invalid_token"


def test_the_status_endpoint_needs_no_token(house, people):
    assert house.get("/api-endpoints-v1/status").status == 200


def test_an_ungranted_collection(house, people):
    answer = house.get("/ungranted/x", people.hmac.token())
    assert (answer.status, answer.code) == (403, "collection_not_granted")


def test_unknown_paths_and_methods(house, people):
    assert house.get("/nowhere", people.hmac.token()).code == "endpoint_not_found"
    answer = house.call("DELETE", "/api-endpoints-v1/call", bearer(people.hmac.token()))
    assert (answer.status, answer.code) == (405, "method_not_allowed")
    assert {"GET", "POST"} <= set(answer.header("allow").replace(" ", "").split(","))
