"""The OpenAPI document is valid, complete, and true: a property-based tester finds no lie."""

import json
import os
import subprocess
import sys

import openapi_spec_validator
import pytest

EXAMPLES = os.environ.get("PORTCULLIS_TEST_EXAMPLES", "15")


@pytest.fixture
def document(own):
    answer = own.admin("GET", "/openapi.json")
    assert answer.status == 200, answer
    return answer.json


def test_the_document_is_valid(document):
    assert document["openapi"].startswith("3.1")
    openapi_spec_validator.validate(document)


def test_every_kind_is_in_the_document(document):
    paths = " ".join(document["paths"])
    for part in (
        "clients",
        "profiles",
        "collections",
        "endpoints",
        "upstreams",
        "keys",
        "api-tokens",
        "refresh",
        "explain",
        "decisions",
        "audit",
        "openapi.json",
    ):
        assert part in paths, f"{part} is in none of {paths}"


def test_the_tester_finds_no_lie_and_no_crash(own, document, tmp_path):
    """schemathesis, from PyPI, driven by the served document alone."""
    file = tmp_path / "openapi.json"
    file.write_text(json.dumps(document))
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "schemathesis.cli",
            "run",
            str(file),
            "--url",
            f"http://127.0.0.1:{own.admin_port}",
            "--header",
            f"Authorization: Bearer {own.admin_token}",
            # A schema cannot say everything: a name that is taken and an If-Match of another state are refused.
            "--checks",
            "all",
            "--exclude-checks",
            "positive_data_acceptance",
            "--max-examples",
            EXAMPLES,
            "--seed",
            "2",
            "--generation-database",
            "none",
            "--no-color",
            "--workers",
            "1",
            "--continue-on-failure",
        ],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=600,
        env={key: value for key, value in os.environ.items() if not key.startswith("PORTCULLIS_")},
    )
    assert done.returncode == 0, done.stdout[-12_000:] + done.stderr[-2000:]
    assert own.is_running


def test_what_is_written_can_be_read_with_the_same_names(own, document):
    """The catalog's names are the JSON's names (PRODUCT.md)."""
    client = own.find("clients", name="Acme")
    assert client.keys() >= {"id", "name", "description", "contact_email", "active"}
    profile = own.find("profiles", name="acme-rsa")
    assert profile.keys() >= {"id", "name", "method", "collections", "active"}
    endpoint = own.find("endpoints", name="order")
    assert endpoint.keys() >= {"methods", "path", "upstream", "upstream_path", "timeout_seconds", "max_body_bytes"}
