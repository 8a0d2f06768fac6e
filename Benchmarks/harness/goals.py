"""What the project has promised, and whether a run kept it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Goal:
    """A number of a case that must not be above its limit (or below, where `least` is set)."""

    case: str
    what: str
    limit: float
    least: bool = False

    def is_met(self, found: float) -> bool:
        """Whether the number keeps the promise."""
        return found >= self.limit if self.least else found <= self.limit


def cpu(case: str, peer: str, limit: float) -> Goal:
    """A goal for the ratio of CPU time per request."""
    return Goal(case, f"CPU per request / {peer}", limit)


GOALS = (
    cpu("plain", "haproxy", 0.9), cpu("plain", "envoy", 0.3),
    cpu("hs256", "haproxy", 0.6), cpu("hs256", "envoy", 0.2), cpu("hs256-10k", "haproxy", 0.7),
    cpu("rs256", "haproxy", 0.36), cpu("rs256", "envoy", 0.15), cpu("rs256-10k", "haproxy", 0.4),
    cpu("rs256-fresh", "haproxy", 0.8),
    cpu("flood-hs256", "haproxy", 1.0), cpu("flood-rs256", "haproxy", 1.0),
    Goal("flood-evicts", "CPU per good request after / before", 1.1),
    Goal("two-loops", "requests per second / haproxy", 1.0, least=True),
    Goal("half-load", "p99 / haproxy", 1.0),
    Goal("plain", "system calls per request", 4.2), Goal("hs256", "system calls per request", 4.2),
    Goal("endpoints", "CPU per request, 10,000 / 10 endpoints", 1.1),
    Goal("profiles", "CPU per request, 100,000 / 10 profiles", 1.1),
    Goal("profiles", "resident bytes per profile", 1024),
    Goal("startup", "resident MiB with an empty catalog", 40),
    Goal("startup", "ms to the first proxied request", 150),
    Goal("startup", "ms to the first proxied request, 100,000 profiles, from the database", 1000),
    Goal("startup", "ms to the first proxied request, 100,000 profiles, from a file", 1000),
    Goal("idle", "resident KiB per idle connection", 12),
)
