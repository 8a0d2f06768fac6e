"""Secrets and API tokens are written, never read: a search through everything that leaves the gateway."""

import base64
import secrets
import sqlite3

import pytest
from support.gateway import bearer, database
from support.house import Caller, openssl_secret
from support.tokens import compact, hs

CALL = "/api-endpoints-v1/call"


def spellings(secret: str) -> dict[str, bytes]:
    """The ways in which a secret could be written somewhere."""
    raw = secret.encode()
    found = {
        "as it is": raw,
        "Base64": base64.b64encode(raw).rstrip(b"="),
        "Base64url": base64.urlsafe_b64encode(raw).rstrip(b"="),
        "hexadecimal": raw.hex().encode(),
        "JSON-escaped": secret.replace("/", "\\/").encode(),
        "reversed": raw[::-1],
    }
    if len(secret) == 64 and all(character in "0123456789abcdef" for character in secret):
        found["raw bytes"] = bytes.fromhex(secret)
        found["Base64 of the raw bytes"] = base64.b64encode(bytes.fromhex(secret)).rstrip(b"=")
    else:
        found["raw bytes"] = base64.b64decode(secret)
    return found


@pytest.fixture
def eventful(own, people):
    """A gateway that has lived: calls of every kind, changes, mistakes, with every secret it was ever given."""
    gateway = own
    given = {caller.api_token for caller in people} | {caller.secret for caller in people if caller.secret}
    given.add(gateway.admin_token)
    signed = []
    for caller in people:
        signed += [caller.token(), caller.token(exp=1), caller.token(name=caller.api_token)]
        signed.append(compact({"alg": "HS256"}, caller.payload(), hs(b"wrong" * 8)))
        signed.append(compact({"alg": "HS256", "kid": caller.api_token}, "{broken", hs(b"wrong" * 8)))
    answers = []
    for token in signed:
        answers.append(gateway.get(CALL, token))
        # Secrets where they do not belong.
        answers.append(gateway.get(f"/nowhere/{token}"))
        answers.append(gateway.call("GET", CALL, [("X-Token", token), *bearer(token)]))
    profile = gateway.find("profiles", name="acme-hmac")
    fresh = openssl_secret()
    given.add(fresh)
    answers.append(gateway.admin("POST", f"/profiles/{profile['id']}/keys", {"name": "second", "secret": fresh}))
    assert answers[-1].status == 201, answers[-1]
    # Refused writes with a secret in them: the refusal names the field, never the value.
    answers.append(gateway.admin("POST", f"/profiles/{profile['id']}/keys", {"name": "second", "secret": fresh}))
    answers.append(gateway.admin("POST", f"/profiles/{profile['id']}/keys", {"surprise": fresh, "secret": fresh}))
    answers.append(gateway.admin("POST", f"/profiles/{profile['id']}/keys", {"name": "x", "public_key": fresh}))
    answers.append(gateway.admin("POST", f"/profiles/{profile['id']}/keys", {"name": {"x": fresh}, "secret": [fresh]}))
    answers.append(gateway.admin("GET", "/clients", token=fresh))
    for answer in answers[-5:]:
        assert 400 <= answer.status < 500, answer
    made = gateway.admin("POST", f"/profiles/{profile['id']}/api-tokens", {"name": "shown once"})
    assert made.status == 201, made
    shown = made.json["token"]
    given.add(shown)
    answers.append(gateway.get(CALL, Caller("Acme", "acme-hmac", shown, secret=people.hmac.secret).token()))
    explained = gateway.admin("POST", "/explain", {"token": people.hmac.token(), "method": "GET", "url": CALL})
    assert explained.status == 200, explained
    answers.append(explained)
    return gateway, given, signed, answers


def everything_readable(gateway, answers) -> dict[str, bytes]:
    """What anyone can read of the gateway: named, as bytes."""
    found = {f"answer {number}": answer.body + repr(answer.fields).encode() for number, answer in enumerate(answers)}
    found["log"] = gateway.log.encode()
    ids = {}
    for resource in ("clients", "profiles", "collections", "endpoints", "upstreams", "audit", "decisions"):
        page = gateway.admin("GET", f"/{resource}?limit=100")
        assert page.status == 200, (resource, page)
        found[resource] = page.body
        ids[resource] = [item["id"] for item in page.json["items"] if "id" in item]
    for profile in ids["profiles"]:
        for part in ("", "/keys", "/api-tokens"):
            page = gateway.admin("GET", f"/profiles/{profile}{part}")
            assert page.status == 200, page
            found[f"profile {profile}{part}"] = page.body
    for number, answer in enumerate(answers):
        if request_id := answer.header("x-request-id"):
            found[f"decision {number}"] = gateway.admin("GET", f"/decisions/{request_id}").body
    exported = gateway.cli("export")
    assert exported.returncode == 0, exported.stderr
    found["export"] = (exported.stdout + exported.stderr).encode()
    return found


def test_no_secret_is_in_anything_readable(eventful):
    gateway, given, _, answers = eventful
    # The echo upstream sends back what it was sent; its answers show that no identity header has one either.
    for where, content in everything_readable(gateway, answers).items():
        for secret in given:
            for spelling, data in spellings(secret).items():
                assert data not in content, f"{where} has a secret {spelling}"


def test_no_signed_token_is_in_the_log_or_a_record(eventful):
    gateway, _, signed, answers = eventful
    readable = everything_readable(gateway, answers)
    for where, content in readable.items():
        # A path that carries a token is the caller's own doing; it is cut, but it is in the record.
        if where == "log" or where in ("audit", "export"):
            for token in signed:
                assert token.split(".")[2].encode() not in content, f"{where} has a signature"


def test_no_secret_is_in_the_data_directory(eventful):
    gateway, given, _, _ = eventful
    for state in ("running", "stopped"):
        for path in gateway.data_dir.rglob("*"):
            if not path.is_file():
                continue
            content = path.read_bytes()
            for secret in given:
                for spelling, data in spellings(secret).items():
                    assert data not in content, f"{state}: {path.name} has a secret {spelling}"
        if state == "running":
            gateway.stop()


def test_sealed_secrets_need_their_master_key(own, people):
    assert own.get(CALL, people.hmac.token()).status == 200
    own.stop()
    key = next(path for path in own.data_dir.rglob("*") if path.is_file() and "key" in path.name)
    key.write_bytes(secrets.token_bytes(key.stat().st_size))
    with pytest.raises(AssertionError, match="serve ended"):
        own.start()
    assert own.process.returncode not in (0, -4, -6, -11) and own.errors, own.log


def test_a_value_that_is_moved_to_another_row_is_not_opened(own, people):
    """Sealed secrets are bound to their row: swapping two of them in the file is noticed."""
    own.stop()
    connection = sqlite3.connect(database(own))
    tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    swapped = 0
    for table in tables:
        information = connection.execute(f'PRAGMA table_info("{table}")').fetchall()
        key = next((row[1] for row in information if row[5]), "rowid")
        for column in (row[1] for row in information):
            rows = connection.execute(
                f'SELECT "{key}", "{column}" FROM "{table}" WHERE typeof("{column}") = ?', ("blob",)
            )
            # A sealed secret is a nonce, the text and a tag: longer than any digest, shorter than a public key.
            sealed = [(row, value) for row, value in rows.fetchall() if len(value) in range(60, 200)]
            if len(sealed) >= 2:
                (first, a), (second, b) = sealed[:2]
                connection.execute(f'UPDATE "{table}" SET "{column}" = ? WHERE "{key}" = ?', (b, first))
                connection.execute(f'UPDATE "{table}" SET "{column}" = ? WHERE "{key}" = ?', (a, second))
                swapped += 1
    connection.commit()
    connection.close()
    assert swapped, "no sealed values found"
    with pytest.raises(AssertionError, match="serve ended"):
        own.start()
