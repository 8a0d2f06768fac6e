"""What the end-to-end tests share: the gateway as a process, upstreams, a raw HTTP client, tokens."""
