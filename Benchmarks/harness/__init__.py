"""What Benchmarks/run measures, and with what."""
