"""The command line: apply, export, diff, tokens, keys; exit codes and words."""

import json
import re
import time

import jwt
import pytest
import yaml
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_ssh_private_key
from support.gateway import portcullis
from support.house import as_yaml, catalog, endpoint
from support.tokens import unb64

CALL = "/api-endpoints-v1/call"


@pytest.fixture
def file(tmp_path):
    return tmp_path / "catalog.yaml"


def test_applying_twice_changes_nothing(start, people, upstream, file):
    gateway = start()
    file.write_text(as_yaml(catalog(people, upstream.url)))
    dry = gateway.cli("apply", "-f", file, "--dry-run")
    assert dry.returncode == 0 and "Acme" in dry.stdout, dry.stdout + dry.stderr
    assert gateway.get(CALL, people.hmac.token()).code == "endpoint_not_found", "a dry run changes nothing"
    first = gateway.cli("apply", "-f", file)
    assert first.returncode == 0 and "Acme" in first.stdout, first.stderr
    audited = gateway.admin("GET", "/audit?limit=100").body
    second = gateway.cli("apply", "-f", file)
    assert second.returncode == 0 and "Acme" not in second.stdout, second.stdout
    assert gateway.admin("GET", "/audit?limit=100").body == audited
    assert gateway.get(CALL, people.hmac.token()).status == 200


def test_a_change_in_the_file_is_planned_and_applied(own, people, upstream, file):
    value = catalog(people, upstream.url)
    value["clients"][0]["description"] = "a new description"
    value["collections"][0]["endpoints"].append(endpoint("added", "/added"))
    file.write_text(as_yaml(value))
    difference = own.cli("diff", "-f", file)
    assert difference.returncode in (0, 1) and "added" in difference.stdout and "Acme" in difference.stdout
    assert own.get("/api-endpoints-v1/added", people.hmac.token()).code == "endpoint_not_found"
    assert own.cli("apply", "-f", file).returncode == 0
    assert own.get("/api-endpoints-v1/added", people.hmac.token()).status == 200
    assert "added" not in own.cli("diff", "-f", file).stdout


def test_what_the_file_lacks_stays_unless_pruned(own, people, upstream, file):
    value = catalog(people, upstream.url)
    value["clients"] = [client for client in value["clients"] if client["name"] == "Acme"]
    for profile in value["clients"][0]["profiles"]:
        profile.pop("api_tokens")
    file.write_text(as_yaml(value))
    assert own.cli("apply", "-f", file).returncode == 0
    for caller in people:
        assert own.get(CALL, caller.token()).status == 200, "without --prune nothing is deleted"
    pruned = own.cli("apply", "-f", file, "--prune")
    assert pruned.returncode == 0 and "Beta" in pruned.stdout, pruned.stdout + pruned.stderr
    assert own.get(CALL, people.beta.token()).code == "invalid_token"


def test_an_export_applied_elsewhere_says_the_same(own, start, people, upstream, file):
    exported = own.cli("export")
    assert exported.returncode == 0, exported.stderr
    value = yaml.safe_load(exported.stdout)
    assert {client["name"] for client in value["clients"]} == {"Acme", "Beta"}
    file.write_text(exported.stdout)
    # Applied where it came from it changes nothing.
    assert own.cli("diff", "-f", file).returncode == 0
    again = own.cli("apply", "-f", file)
    assert again.returncode == 0, again.stdout + again.stderr
    assert own.cli("export").stdout == exported.stdout
    for caller in people:
        assert own.get(CALL, caller.token()).status == 200
    # Public keys travel with the export: the RSA caller is served elsewhere; an HMAC secret does not leave.
    for client in value["clients"]:
        for profile in client["profiles"]:
            profile["keys"] = [key for key in profile["keys"] if "public_key" in key]
    file.write_text(as_yaml(value))
    other = start(name="other")
    applied = other.cli("apply", "-f", file)
    assert applied.returncode == 0, applied.stdout + applied.stderr
    assert other.get(CALL, people.rsa.token()).status == 200
    assert other.get(CALL, people.hmac.token()).code == "invalid_token"


def test_a_catalog_as_json_on_one_line_is_read_as_well(start, file):
    """A program writes it so; the time grows with the size of the file and not faster."""
    gateway = start()
    clients = [
        {"name": f"Client {n}", "description": "x" * 400, "contact_email": f"c{n}@acme.example"} for n in range(2000)
    ]
    file.write_text(json.dumps({"clients": clients}))
    begin = time.monotonic()
    done = gateway.cli("apply", "-f", file, timeout=120)
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - begin < 20, f"{file.stat().st_size} bytes took {time.monotonic() - begin:.0f} s"


@pytest.mark.parametrize(
    "text, words",
    [
        ("clients:\n  - name: A\n    profile: []\n", ["catalog.yaml:3:", "profile"]),
        ("clients:\n  - name: [A]\n", ["catalog.yaml:2:", "name"]),
        ("clients: {}\n", ["clients"]),
        ("surprise: 1\n", ["catalog.yaml:1:", "surprise"]),
        ("clients:\n  - name: A\n  - name: A\n", ["catalog.yaml:3:"]),
        ("a: &a [*a]\n", []),
        ("clients: [\n", ["catalog.yaml:"]),
        ("clients:\n  - {name: A, profiles: [{name: p, method: jwt, collections: [nowhere]}]}\n", ["nowhere"]),
        (
            "clients:\n  - {name: A, profiles: [{name: p, method: jwt, keys: [{name: k, secret_env: NOT_SET}]}]}\n",
            ["NOT_SET"],
        ),
        (
            "clients:\n  - {name: A, profiles: [{name: p, method: jwt, keys: [{name: k, public_key_file: /none}]}]}\n",
            ["/none"],
        ),
    ],
)
def test_a_bad_file_is_refused_with_its_place(own, file, text, words):
    file.write_text(text)
    before = own.cli("export").stdout
    done = own.cli("apply", "-f", file)
    assert done.returncode not in (0, -4, -6, -11), done.stdout
    for word in words:
        assert word in done.stderr, done.stderr
    assert own.cli("export").stdout == before


def test_secrets_from_files_and_the_environment(own, people, upstream, file, tmp_path):
    (tmp_path / "key.pub").write_text(people.rsa.key.public_line + "\n")
    (tmp_path / "secret").write_text(people.hmac.secret + "\n")
    value = {
        "clients": [
            {
                "name": "Files",
                "profiles": [
                    {
                        "name": "a",
                        "method": "jwt",
                        "collections": ["api-endpoints-v1"],
                        "keys": [{"name": "k", "public_key_file": str(tmp_path / "key.pub")}],
                        "api_tokens": [{"name": "t", "token_env": "FILES_TOKEN"}],
                    },
                    {
                        "name": "b",
                        "method": "jwt",
                        "collections": ["api-endpoints-v1"],
                        "keys": [{"name": "k", "secret_file": str(tmp_path / "secret")}],
                        "api_tokens": [{"name": "t", "token": "bb" * 32}],
                    },
                    {
                        "name": "c",
                        "method": "jwt",
                        "collections": ["api-endpoints-v1"],
                        "keys": [{"name": "k", "secret_env": "FILES_SECRET"}],
                        "api_tokens": [{"name": "t", "token": "cc" * 32}],
                    },
                ],
            }
        ]
    }
    file.write_text(as_yaml(value))
    environment = {"FILES_TOKEN": "aa" * 32, "FILES_SECRET": people.beta.secret}
    done = own.cli("apply", "-f", file, environment=environment)
    assert done.returncode == 0, done.stderr
    assert own.get(CALL, jwt.encode({"sub": "aa" * 32}, people.rsa.key.private, "RS256")).status == 200
    assert own.get(CALL, jwt.encode({"sub": "bb" * 32}, people.hmac.secret, "HS256")).status == 200
    assert own.get(CALL, jwt.encode({"sub": "cc" * 32}, people.beta.secret, "HS256")).status == 200


def test_the_workato_preset(own, people):
    own.apply({"settings": {"identity_claims": "workato"}})
    for claim in ("https://www.workato.com/sub", "workato_sub", "sub"):
        token = jwt.encode({claim: people.hmac.api_token, "name": "John Doe"}, people.hmac.secret, "HS256")
        assert own.get(CALL, token).status == 200, claim


def test_minted_tokens_expire_and_get_through(house, people, tmp_path):
    done = portcullis(
        "token",
        "mint",
        "--key",
        people.rsa.key.path,
        "--claim",
        f"sub={people.rsa.api_token}",
        "--claim",
        "name=John Doe",
        "--expires-in",
        "15m",
    )
    assert done.returncode == 0, done.stderr
    token = done.stdout.strip()
    claims = json.loads(unb64(token.split(".")[1]))
    assert 0 < claims["exp"] - time.time() <= 901
    assert house.get(CALL, token).status == 200
    (tmp_path / "secret").write_text(people.hmac.secret)
    done = portcullis("token", "mint", "--secret-file", tmp_path / "secret", "--claim", f"sub={people.hmac.api_token}")
    assert house.get(CALL, done.stdout.strip()).status == 200


def test_explaining_a_token(house, people):
    good = house.cli("token", "explain", people.hmac.token(), "--url", CALL)
    assert good.returncode == 0, good.stderr + good.stdout
    bad = house.cli("token", "explain", people.hmac.token(exp=1), "--url", CALL)
    assert bad.returncode == 1 and "token_expired" in bad.stdout, bad.stdout + bad.stderr


def test_decoding_a_token(people):
    done = portcullis("token", "decode", people.rsa.token(color="blue"))
    assert done.returncode == 0 and "RS256" in done.stdout and "blue" in done.stdout, done.stderr
    assert "\x1b" not in done.stdout, "no colours unless a terminal"


KEYGEN = {
    "rsa": lambda text: load_any(text).key_size >= 2048,
    "ec": lambda text: load_any(text).curve.name == "secp256r1",
    "ed25519": lambda text: load_any(text) is not None,
}


def load_any(text: str):
    load = load_ssh_private_key if "OPENSSH" in text else load_pem_private_key
    return load(text.encode(), None)


@pytest.mark.parametrize("kind", KEYGEN)
def test_keygen_makes_keys_that_others_read(tmp_path, kind):
    out = tmp_path / "key"
    done = portcullis("keygen", kind, "--out", out)
    assert done.returncode == 0, done.stderr
    assert KEYGEN[kind](out.read_text())
    assert out.stat().st_mode & 0o077 == 0
    # A key that is there is not overwritten.
    assert portcullis("keygen", kind, "--out", out).returncode != 0


def test_keygen_hmac_is_strong_enough():
    secret = portcullis("keygen", "hmac").stdout.strip().splitlines()[-1]
    assert len(secret) >= 43
    assert secret != portcullis("keygen", "hmac").stdout.strip().splitlines()[-1]


def test_jws_verify_exit_codes(tmp_path, people):
    key, token = tmp_path / "key.pub", tmp_path / "token"
    key.write_text(people.rsa.key.public_line)
    token.write_text(people.rsa.token() + "\n")
    assert portcullis("jws", "verify", "--key", key, "--token-file", token).returncode == 0
    token.write_text(people.beta_rsa.token())
    assert portcullis("jws", "verify", "--key", key, "--token-file", token).returncode == 1
    assert portcullis("jws", "verify", "--key", tmp_path / "none", "--token-file", token).returncode == 2
    assert portcullis("jws", "verify", "--surprise").returncode == 2
    key.write_text("no key")
    refused = portcullis("jws", "verify", "--key", key, "--token-file", token)
    assert refused.returncode in (1, 2) and "OpenSSH" in refused.stderr, "what was expected is said"


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["serve", "--help"], ["apply", "--help"], ["token", "mint", "--help"], ["keygen", "--help"]],
)
def test_help_has_examples(arguments):
    done = portcullis(*arguments)
    assert done.returncode == 0 and "portcullis" in done.stdout
    if arguments != ["--help"] and "keygen" not in arguments:
        assert "xample" in done.stdout, done.stdout


def test_version():
    done = portcullis("--version")
    assert done.returncode == 0 and re.search(r"\d+\.\d+\.\d+", done.stdout)


def test_an_unreachable_admin_api_is_said():
    done = portcullis("export", "--admin", "http://127.0.0.1:1", "--admin-token", "0" * 64)
    assert done.returncode not in (0, -4, -6, -11) and "127.0.0.1:1" in done.stderr, done.stderr
    assert len(done.stderr.splitlines()) < 10, "no stack trace"


def test_a_wrong_admin_token_is_said(house):
    done = portcullis("export", "--admin", f"http://127.0.0.1:{house.admin_port}", "--admin-token", "0" * 64)
    assert done.returncode not in (0, -4, -6, -11) and "token" in done.stderr.lower(), done.stderr
