"""What Treadle costs, measured against bare Docker in the same run: `python -m benchmarks [NAME …]`."""
